"""`EncryptedStore`: any of evergrant's stores, with the secrets in its rows encrypted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TypeVar

from evergrant._crypto.keys import Keyring
from evergrant._masking import masks_locals, raise_without_context
from evergrant.errors import ConfigError, CorruptRecord
from evergrant.stores.base import SAVE_ATTEMPTS, OnCorrupt, TokenStore, log_corrupt
from evergrant.stores.layered import LayeredStore
from evergrant.stores.matching import Criterion
from evergrant.stores.replay_guard import ReplayGuard, is_older
from evergrant.stores.row_cipher import RowCipher, key_id
from evergrant.stores.rows import Row, decode
from evergrant.token import Token

__all__ = ["EncryptedStore"]

T = TypeVar("T")

BATCH = 200
"""Rows that are encrypted again in one transaction, for which other writers wait."""


class EncryptedStore(LayeredStore):
    """Encrypts the tokens in another store, which are of no use without the keys.

    Client secret, refresh, access and grant token, and scopes are encrypted. User name, client
    id, redirect URL, API domain, org id and timestamps stay readable, and changes of them are
    detected. A row is a `CorruptRecord` if it was changed, cut short, copied from another row, or
    replaced by an older copy (older than what this process has seen).

    Args:
        inner: The store that keeps the rows; closed with this store.
        keyring: The newest key encrypts; any of them decrypts.
        adopt: Read plain rows, too; each is encrypted at its next save.

    Raises:
        ConfigError: The store has no room for encrypted rows, or has rows that are plain or
            encrypted with a key that is not here. Nothing was changed.
    """

    def __init__(self, inner: TokenStore, keyring: Keyring, *, adopt: bool = False) -> None:
        super().__init__(inner)
        self._keyring = keyring
        self._sealing = RowCipher(keyring)
        self._adopt = adopt
        self._replays = ReplayGuard()
        self._written = threading.local()
        self._check()

    def _check(self) -> None:
        missing = set(Token.__slots__) - set(self.stored_fields)
        if missing or not self._inner.keeps_all_columns:
            raise ConfigError(
                f"{self.url} cannot be encrypted: it does not keep all of a row",
                hint="Let evergrant extend the table, or move to another store: evergrant move.",
            )
        for row in islice(self._inner._rows(), 1):
            if key_id(row) is not None:
                with suppress(CorruptRecord):  # other rows are not affected
                    self._sealing.decrypt(row)
            elif not self._adopt:
                raise ConfigError(
                    f"a key is set, and {self.url} holds tokens that are not encrypted",
                    hint="Encrypt them: evergrant keys rotate --adopt. Or unset the key.",
                )

    def _encode_row(self, row: Row) -> Row:
        return self._sealing.encrypt(row)

    def _decode(self, row: Row) -> Token:
        if self._adopt and key_id(row) is None:
            return decode(row)
        token = decode(self._decrypt(row))
        if (seen := self._replays.observe(row)) is None:
            return token
        # Another thread may have read a newer state after this one read the row. A row that is
        # read now is at least as new as the state seen before, unless it is an older copy.
        for now in self._inner._select(Criterion(id=str(row.id))):
            token = decode(self._decrypt(now))
            if is_older(now, seen):
                raise _corrupt(now, "it was replaced by an older copy")
        return token

    def _decrypt(self, row: Row) -> Row:
        try:
            return self._sealing.decrypt(row)
        except CorruptRecord as error:
            raise_without_context(_corrupt(row, error.message))

    @masks_locals
    def reencrypt(
        self, *, on_corrupt: OnCorrupt = log_corrupt, batch: int = BATCH
    ) -> Iterator[int]:
        """Encrypt every row with the newest key, while the store stays in use.

        If this is interrupted, what was done stays done, and the next call does the rest.
        Contents and versions do not change, so it causes no conflict with any save.

        Args:
            on_corrupt: Called for each row that cannot be read; such a row is not changed.
            batch: Number of rows that are encrypted in one transaction.

        Yields:
            How many rows have been read since the last.

        Raises:
            ConfigError: A row is encrypted with a key that is not here, or is plain and ``adopt``
                is not set.
        """
        everything = self._inner._rows()
        while rows := list(islice(everything, batch)):
            ids = [str(row.id) for row in rows if not self._sealing.is_current(row)]
            if ids:
                for error in self._with_retries(partial(self._reencrypt, ids)):
                    on_corrupt(error)
            yield len(rows)

    def _reencrypt(self, ids: list[str]) -> list[CorruptRecord]:
        errors = []
        with self._transaction():
            for id_ in ids:
                try:
                    self._reencrypt_one(id_)
                except CorruptRecord as error:
                    errors.append(error)
        return errors

    def _reencrypt_one(self, id_: str) -> None:
        for _ in range(SAVE_ATTEMPTS):
            found = self._inner._select(Criterion(id=id_))
            if not found or self._sealing.is_current(found[0]):
                return  # deleted, or saved, since
            row = found[0]
            adopted = key_id(row) is None and self._adopt
            plain = row if adopted else self._decrypt(row)
            if self._inner._update(self._sealing.encrypt(plain), int(row.version or 0)):
                return

    def _select(self, criterion: Criterion) -> list[Row]:
        if not self._sealing.is_encrypted_column(criterion):
            return self._inner._select(criterion)
        # A digest in an encrypted row must not be taken for a token in a plain one.
        plain = self._inner._select(criterion) if self._adopt else []
        found = [row for row in plain if key_id(row) is None]
        for one in self._sealing.lookup_criteria(criterion):
            found += self._inner._select(one)
        if not found and self._keyring.reload():
            # A rotation that has just begun may have used a key that this process did not know.
            return self._select(criterion)
        return list({row.id: row for row in found}.values()) if len(found) > 1 else found

    def _insert(self, row: Row) -> bool:
        return self._inner._insert(row) and self._record_written(row)

    def _update(self, row: Row, version: int) -> bool:
        return self._inner._update(row, version) and self._record_written(row)

    def _record_written(self, row: Row) -> bool:
        self._written.rows.append(row)
        return True

    def _delete(self, id_: str) -> bool:
        self._replays.forget(id_)
        return self._inner._delete(id_)

    def _delete_if_version(self, id_: str, version: int) -> bool:
        if done := self._inner._delete_if_version(id_, version):
            self._replays.forget(id_)
        return done

    def _delete_all(self) -> None:
        self._replays.forget_all()
        self._inner._delete_all()

    def _with_retries(self, change: Callable[[], T]) -> T:
        def attempt() -> T:
            self._written.rows = []
            return change()

        done = self._inner._with_retries(attempt)
        for row in self._written.rows:  # only now: the storage may not have taken them
            self._replays.observe(row)
        return done


def _corrupt(row: Row, why: str) -> CorruptRecord:
    return CorruptRecord(
        f"row {row.id} of the token store is corrupt: {why}",
        token_id=str(row.id),
        user=row.user_name if isinstance(row.user_name, str) else None,
        hint="Restore the row from a backup, or delete it and log in again.",
    )
