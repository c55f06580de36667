"""The layout of an encrypted row.

The secrets of a row, and its scopes, are one AES-256-GCM text in the ``scopes`` column. The
columns of its tokens hold keyed digests, by which the row can be found and which reveal nothing
else; the column of the client secret is empty. All other values of the row, digests included, are
the associated data of the text: it cannot be decrypted if any of them was changed, or exchanged
with those of another row.
"""

from __future__ import annotations

import json

from evergrant._crypto.envelope import key_id_of
from evergrant._crypto.keys import Key, Keyring
from evergrant.errors import CorruptRecord
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import COLUMNS, Row
from evergrant.token import Secret

__all__ = ["RowCipher", "key_id"]

_HIDDEN = ("client_secret", "refresh_token", "access_token", "grant_token", "scopes")
_FOUND_BY = ("refresh_token", "access_token", "grant_token")

_ENVELOPE = COLUMNS.index("scopes")  # the column that holds the encrypted text
_JSON = json.JSONDecoder()


class RowCipher:
    """Encrypts and decrypts rows, and says by which values they are found.

    Args:
        keyring: The newest key encrypts; any of them decrypts.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def encrypt(self, row: Row) -> Row:
        """Return a row with its secrets encrypted with the newest key."""
        key = self._keyring.newest
        digests = {
            column: key.digest(column, value) if isinstance(value, str) else None
            for column in _FOUND_BY
            for value in [getattr(row, column)]
        }
        hidden = Secret(json.dumps([getattr(row, column) for column in _HIDDEN]))
        shown = row._replace(client_secret=None, scopes=None, **digests)
        return shown._replace(scopes=str(key.encrypt(hidden, _associated_data(shown))))

    def decrypt(self, row: Row) -> Row:
        """Return an encrypted row in plain text.

        Raises:
            ConfigError: It was encrypted with a key that is not here.
            CorruptRecord: It was changed since, or is not encrypted.
        """
        if len(row) != len(COLUMNS) or not isinstance(row.scopes, str):
            raise CorruptRecord("it is not encrypted")
        hidden = self._keyring.decrypt(row.scopes, _associated_data(row))
        # Authentic, so it holds exactly the values that were encrypted, and nothing after them.
        (*secrets, scopes), _ = _JSON.raw_decode(hidden)
        # Written out, in the order of the columns: this runs on every look-up.
        return Row(
            (
                row.id, row.user_name, row.client_id, *secrets,
                row.expiry_time, row.redirect_url, row.api_domain, scopes, row.org_id,
                row.created_at, row.updated_at, row.last_used_at, row.version,
            )
        )  # fmt: skip

    def is_current(self, row: Row) -> bool:
        """Return True if a row is encrypted with the newest key."""
        return key_id(row) == self._keyring.newest.id

    def is_encrypted_column(self, criterion: Criterion) -> bool:
        """Return True if a criterion asks for a column that is encrypted."""
        return any(column in criterion for column in _FOUND_BY)

    def lookup_criteria(self, criterion: Criterion) -> list[Criterion]:
        """Return the criteria that find encrypted rows, one for each key, the newest key's last.

        Last, because a row that is encrypted again between two look-ups moves to the newest key.
        """
        return [_shown(criterion, key) for key in self._keyring.oldest_first]


def _shown(criterion: Criterion, key: Key) -> Criterion:
    shown = Criterion(criterion)
    for column in criterion:
        if column in _FOUND_BY:
            shown[column] = key.digest(column, criterion[column])
    return shown


def key_id(row: Row) -> str | None:
    """Return the id of the key that a row is encrypted with, or None if it is plain text."""
    envelope = row.scopes if len(row) == len(COLUMNS) else None
    return key_id_of(envelope) if isinstance(envelope, str) else None


_BETWEEN = "\x1f"  # ASCII's unit separator


def _associated_data(row: Row) -> str:
    """Return all that a row shows, the same whether a store returns None or "", 1 or "1"."""
    shown = ["" if one is None else one if isinstance(one, str) else str(one) for one in row]
    shown[_ENVELOPE] = ""
    text = _BETWEEN.join(shown)
    # A value with a separator in it could make the same text as other values.
    return text if text.count(_BETWEEN) == len(shown) - 1 else json.dumps(shown)
