"""`TokenStore`: six methods with one meaning everywhere, over a few row primitives.

A back end implements what `Backend` names and knows nothing of users, clients, freshness or
versions; those rules live here and in `matching`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Hashable, Iterator
from dataclasses import replace
from typing import Self

from evergrant._crypto.keys import missing_key
from evergrant._masking import masks_locals
from evergrant.clock import Clock, utc_now
from evergrant.errors import Conflict, CorruptRecord, StoreError, TokenNotFound
from evergrant.stores import matching
from evergrant.stores.deletions import Deletions
from evergrant.stores.lookup_results import (
    OnCorrupt,
    is_named,
    log_corrupt,
    matches_criterion,
    readable_tokens,
)
from evergrant.stores.matching import Criterion
from evergrant.stores.merging import is_from_deleted_row, merge
from evergrant.stores.row_cipher import key_id
from evergrant.stores.rows import ID_DIGITS, Row, decode, encode
from evergrant.stores.upkeep import Upkeep
from evergrant.stores.versions import FIRST, first_version, version_after
from evergrant.token import Token, identify

__all__ = ["SAVE_ATTEMPTS", "OnCorrupt", "TokenStore", "log_corrupt"]

SAVE_ATTEMPTS = 20
"""How often a save without ``expected_version`` starts over when another writer was faster."""


def _raise_if_corrupt(found: list[Token] | CorruptRecord) -> list[Token]:
    if isinstance(found, CorruptRecord):
        raise found
    return found


class TokenStore(Deletions, Upkeep):
    """Keeps tokens; safe to share between threads.

    Every method raises `StoreUnavailable` when the storage cannot be used.

    Args:
        clock: Stamps ``created_at`` and ``updated_at``.
    """

    id_width: int | None = None
    """The longest id that the storage can hold, in characters; None for any."""

    stored_fields: Collection[str] = Token.__slots__
    """The fields of a token that the storage can hold; an unextended official table has ten."""

    is_persistent: bool = True
    """Whether what is kept is still there when the process has ended."""

    keeps_all_columns: bool = True
    """Whether a row is read back as it was written, in every column."""

    repeats_ids: bool = False
    """Whether an id that the storage gave may be given again once its row is deleted."""

    url: str
    """Names this store in messages, without secrets; `open_store` understands its own.

    A Keeper's lifeboat belongs to it: two stores whose tokens differ must not share one.
    """

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock = clock
        self.url = f"{type(self).__name__.lower()}:"

    @masks_locals
    def find_token(self, token: Token) -> Token | None:
        """Return the stored token that a partial one means, or None.

        The user name decides first; else the access token, when the token carries no client;
        else the grant token, then the refresh token, with client id and secret. A client id or
        org id that is given must match. A token that names nothing means nobody. Where several
        rows fit, the freshest is returned, as a whole.

        Raises:
            CorruptRecord: The row is there, but cannot be read.
        """
        criterion = matching.criterion_for(token)
        if criterion is None:
            return None
        found = self._lookup(criterion)
        return matching.freshest([row for row in found if matching.compatible(row, token)])

    @masks_locals
    def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - the official SDK's name
        """Return the token with this id, or None.

        Raises:
            CorruptRecord: The row is there, but cannot be read.
        """
        found = self._lookup(Criterion(id=str(id)))
        return found[0] if found else None

    @masks_locals
    def find_users(self, name: str) -> list[Token]:
        """Return the tokens of a user: those named ``name`` or ``name:<org id>``.

        Raises:
            CorruptRecord: There is no such token but one that cannot be read.
        """
        if not name:
            return []
        found = _raise_if_corrupt(readable_tokens(map(self._read, self._select_by_user(name))))
        return [token for token in found if is_named(token, name)]

    def get_tokens(self, *, on_corrupt: OnCorrupt = log_corrupt) -> list[Token]:
        """Return all tokens; see `iter_tokens`."""
        return list(self.iter_tokens(on_corrupt=on_corrupt))

    @masks_locals
    def iter_tokens(self, *, on_corrupt: OnCorrupt = log_corrupt) -> Iterator[Token]:
        """Yield all tokens, without holding them in memory where the storage can stream.

        Args:
            on_corrupt: Called for each row that cannot be read, which harms no other row; the
                default logs a warning. Let it raise to stop there.
        """
        for read in map(self._read, self._rows()):
            if isinstance(read, Token):
                yield read
            else:
                on_corrupt(read)

    @masks_locals
    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        """Insert a token, or update the row that is its own; return it as stored.

        The row is found by id, else by the user (and client), else by being the same grant.
        Where the row is fresher than an incoming token whose writer had not read it, access
        token, expiry, refresh token and API domain stay as they are.

        Args:
            token: What to save. An ``id`` that no row has yet is kept for a new row.
            expected_version: Save only if the row still has this version (0: only if there is
                no row yet, or one that another program wrote).

        Raises:
            Conflict: The row has another version or is gone, or the id is another owner's.
            StoreError: The token holds nothing to keep, or its id does not fit.
            CorruptRecord: The row is there, but cannot be read; it is left as it is.
        """
        if token.is_blank:
            raise StoreError(
                "nothing to save: no access, refresh or grant token", **identify(token)
            )

        def tried() -> Token | None:
            with self._transaction():
                return self._try_save(token, expected_version)

        for _ in range(SAVE_ATTEMPTS):
            saved = self._with_retries(tried)
            if saved is not None:
                return saved
        raise Conflict("the token was changed by somebody else", **identify(token))

    def _try_save(self, token: Token, expected_version: int | None) -> Token | None:
        """Return the saved token, or None when another writer was faster."""
        by_id = self.find_token_by_id(token.id) if token.id else None
        stored, new, double = matching.resolve_save(token, by_id, self._lookup, expected_version)
        version = stored.version if stored else 0
        if expected_version is not None and (
            expected_version != version or (stored and is_from_deleted_row(stored, token))
        ):
            raise Conflict("the token was changed or deleted by somebody else", **identify(token))
        if stored is None:
            written = self._add(new)
        else:
            now = self._clock()
            stamp = {"updated_at": now, "version": version_after(stored.version, now)}
            row = encode(merge(stored, new, compared=expected_version is not None, **stamp))
            written = row if self._update(self._encode_row(row), stored.version) else None
        if written and double:
            self._delete(double)
        # Read back from the row: what is returned is what will be found, to the millisecond.
        return decode(written) if written else None

    def _add(self, token: Token) -> Row | None:
        now = self._clock()
        created_at = token.created_at or now
        id_ = self._checked_id(token.id) if token.id else self._new_id()
        version = first_version(now) if token.id or self.repeats_ids else FIRST
        new = replace(token, id=id_, created_at=created_at, updated_at=now, version=version)
        row = encode(new)
        return row if self._insert(self._encode_row(row)) else None

    def _lookup(self, criterion: Criterion) -> list[Token]:
        found = _raise_if_corrupt(readable_tokens(map(self._read, self._select(criterion))))
        return [token for token in found if matches_criterion(token, criterion)]

    def _read(self, row: Row) -> Token | CorruptRecord:
        """Return the token that a row holds, or why it cannot be read.

        The error is not raised from here: each frame on its way would hold the row's secrets, and
        error trackers print what frames hold.
        """
        try:
            return self._decode(row)
        except CorruptRecord as error:
            error.__context__ = None
            return error.with_traceback(None)

    def _encode_row(self, row: Row) -> Row:
        """Return a row as the storage is to hold it."""
        return row

    def _decode(self, row: Row) -> Token:
        """Return the token that a row holds, or raise `CorruptRecord`."""
        if (key := key_id(row)) is not None:
            raise missing_key(key)  # what stands in its columns are no tokens
        return decode(row)

    @masks_locals
    def delete_token(self, id: str, *, expected_version: int | None = None) -> None:  # noqa: A002 - the official SDK's name
        """Delete one token.

        Args:
            expected_version: Delete it only if it has this version.

        Raises:
            TokenNotFound: There is none with this id, or none of this version.
        """

        def deleted() -> bool:
            with self._transaction():
                return self._delete_and_note(str(id), expected_version)

        if not self._with_retries(deleted):
            raise TokenNotFound("there is no such token", token_id=str(id))

    @masks_locals
    def delete_tokens(self) -> None:
        """Delete all tokens of this store, and nothing else."""

        def emptied() -> None:
            with self._transaction():
                self._delete_all_and_note()

        self._with_retries(emptied)

    def storage_id(self) -> Hashable:
        """Return what tells this storage from any other, in whichever way its URL was spelled."""
        return self.url

    def close(self) -> None:
        """Release connections and files; the store is not used afterwards."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _checked_id(self, id_: str) -> str:
        if self.id_width is not None and len(id_) > self.id_width:
            raise StoreError(
                f"the id is longer than the {self.id_width} characters that fit",
                token_id=id_,
                hint="Choose a shorter id, or leave it out and one is given.",
            )
        return id_

    def _new_id(self) -> str:
        number = self._next_number()
        if len(str(number)) <= ID_DIGITS:
            return str(number)
        # An official table's last id may be 9999999999: the numbers below it have gaps enough.
        self.repeats_ids = True  # some of those that are free were ids once
        while self._rows_at(guess := str(secrets.randbelow(10**ID_DIGITS - 1) + 1)):
            pass
        return guess
