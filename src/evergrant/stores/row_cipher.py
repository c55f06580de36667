"""A row whose secrets are sealed: what stands in which column, and what it is bound to.

The secrets of a row, and its scopes, are one AES-256-GCM text in the ``scopes`` column. The
columns of its tokens hold keyed digests, by which it can be found and which say nothing else;
that of the client secret is empty. Every other value of the row, the digests too, is what the
text is bound to: a row in which any of it was changed, or exchanged with another's, does not open.
"""

from __future__ import annotations

import json

from evergrant._crypto.envelope import key_id_of
from evergrant._crypto.keys import Key, Keyring
from evergrant.errors import CorruptRecord
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import COLUMNS, MaskedRow, Row
from evergrant.token import Secret

__all__ = ["RowCipher", "key_id"]

_SECRETS = slice(COLUMNS.index("client_secret"), COLUMNS.index("grant_token") + 1)
_ENVELOPE_COLUMN = COLUMNS.index("scopes")
_CLIENT_SECRET = COLUMNS.index("client_secret")
_FOUND_BY = {name: COLUMNS.index(name) for name in ("refresh_token", "access_token", "grant_token")}

_JSON = json.JSONDecoder()


class RowCipher:
    """Seals rows, opens them, and says by which values they are found.

    Args:
        keyring: The newest key seals; any of them opens.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def encrypt(self, row: Row) -> Row:
        """Return a row with its secrets sealed under the newest key."""
        key = self._keyring.newest
        sealed = list(row)
        sealed[_CLIENT_SECRET] = None
        for column, position in _FOUND_BY.items():
            value = row[position]
            sealed[position] = key.digest(column, value) if isinstance(value, str) else None
        hidden = Secret(json.dumps([*row[_SECRETS], row[_ENVELOPE_COLUMN]]))
        sealed[_ENVELOPE_COLUMN] = str(key.encrypt(hidden, _associated_data(sealed)))
        return MaskedRow(sealed)

    def decrypt(self, row: Row) -> Row:
        """Return a sealed row as it was.

        Raises:
            ConfigError: It was sealed with a key that is not here.
            CorruptRecord: It was changed since, or is not sealed.
        """
        holder = row[_ENVELOPE_COLUMN]
        if not isinstance(holder, str) or len(row) != len(COLUMNS):
            raise CorruptRecord("it is not sealed")
        opened = list(row)
        hidden = self._keyring.decrypt(holder, _associated_data(row))
        # As it was sealed: nothing follows, and there is a value for each.
        (*opened[_SECRETS], opened[_ENVELOPE_COLUMN]), _ = _JSON.raw_decode(hidden)
        return MaskedRow(opened)

    def is_current(self, row: Row) -> bool:
        """Return True if a row is sealed under the newest key."""
        return key_id(row) == self._keyring.newest.id

    def is_encrypted_column(self, criterion: Criterion) -> bool:
        """Return True if sealed rows do not show what a criterion asks for."""
        return not _FOUND_BY.keys().isdisjoint(criterion)

    def lookup_criteria(self, criterion: Criterion) -> list[Criterion]:
        """Return what finds such rows where they are sealed: for each key, the newest last.

        Last, because a row that is sealed anew between two looks goes from an older key to it.
        """
        return [_shown(criterion, key) for key in self._keyring.oldest_first]


def _shown(criterion: Criterion, key: Key) -> Criterion:
    shown = Criterion(criterion)
    for column in criterion:
        if column in _FOUND_BY:
            shown[column] = key.digest(column, criterion[column])
    return shown


def key_id(row: Row) -> str | None:
    """Return the id of the key that a row is sealed under; None: it is not sealed."""
    holder = row[_ENVELOPE_COLUMN] if len(row) == len(COLUMNS) else None
    return key_id_of(holder) if isinstance(holder, str) else None


_BETWEEN = "\x1f"  # ASCII's own separator of units


def _associated_data(row: Row | list[str | int | None]) -> str:
    """Return everything that a row shows; other stores may have None as "", or a number as text."""
    shown = ["" if one is None else one if isinstance(one, str) else str(one) for one in row]
    shown[_ENVELOPE_COLUMN] = ""
    text = _BETWEEN.join(shown)
    # Of other values, one with a separator in it could make the same text.
    return text if text.count(_BETWEEN) == len(shown) - 1 else json.dumps(shown)
