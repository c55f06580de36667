"""`TokenStore`: six methods with one meaning everywhere, built on a few row primitives.

A back end implements the primitives of `Backend`. It knows nothing of users, clients, freshness or
versions: those rules are here and in `matching`.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Self

from evergrant._crypto.keys import missing_key
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import masks_locals
from evergrant.clock import Clock, to_epoch_ms, utc_now
from evergrant.errors import (
    Conflict,
    CorruptRecord,
    EvergrantError,
    StoreError,
    StoreUnavailable,
    TokenNotFound,
)
from evergrant.stores import deletions, matching
from evergrant.stores.backend import Backend
from evergrant.stores.leases import Lease, Watch
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
from evergrant.stores.rows import ID_DIGITS, Row, decode, encode, numeric_id
from evergrant.stores.versions import FIRST, first_version, is_counted, version_after
from evergrant.token import Token, identify

__all__ = ["SAVE_ATTEMPTS", "OnCorrupt", "TokenStore", "log_corrupt"]

_logger = RateLimitedLog()

SAVE_ATTEMPTS = 20
"""How often a save without ``expected_version`` starts again after another writer was faster."""


def _raise_if_corrupt(found: list[Token] | CorruptRecord) -> list[Token]:
    if isinstance(found, CorruptRecord):
        raise found
    return found


class TokenStore(Backend):
    """A store of tokens, safe to share between threads.

    Every method raises `StoreUnavailable` if the storage cannot be used.

    Args:
        clock: Stamps ``created_at`` and ``updated_at``.
    """

    id_width: int | None = None
    """Longest id that the storage can hold, in characters; None means no limit."""

    stored_fields: Collection[str] = Token.__slots__
    """The fields of a token that the storage can hold; an unextended official table has ten."""

    is_persistent: bool = True
    """Whether tokens outlive the process."""

    keeps_all_columns: bool = True
    """Whether a row is read back as it was written, in every column."""

    repeats_ids: bool = False
    """Whether the storage may give an id again after its row was deleted."""

    counts_ids: bool = True
    """Whether each id that the storage gives is larger than all earlier ones."""

    url: str
    """Names this store in messages, without secrets; `open_store` opens evergrant's own by it.

    A Keeper's lifeboat goes by it, so two stores with different tokens need different URLs.
    """

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock = clock
        self.url = f"{type(self).__name__.lower()}:"

    @masks_locals
    def find_token(self, token: Token) -> Token | None:
        """Return the stored token that a partial token names, or None.

        The user name decides, if there is one. Without it, the access token decides if the token
        names no client; else the grant token, then the refresh token, with client id and secret.
        A client id or org id that is given must match. A token that names nothing finds nothing.
        If several rows fit, the freshest is returned, as a whole.

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
            CorruptRecord: The user's rows are there, but none can be read.
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
        """Yield all tokens; a storage that can stream does not hold them all in memory.

        Args:
            on_corrupt: Called for each row that cannot be read; other rows are not affected. The
                default logs a warning. Let it raise to stop there.
        """
        for read in map(self._read, self._rows()):
            if isinstance(read, Token):
                yield read
            else:
                on_corrupt(read)

    @masks_locals
    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        """Insert a token, or update its row; return it as stored.

        The row is found by id, else by user (and client), else by grant. If the row is fresher
        than the incoming token and the writer had not read it, access token, expiry, refresh
        token and API domain stay as they are.

        Args:
            token: The token to save. A new row keeps the token's ``id`` if no other row has it.
            expected_version: Save only if the row still has this version (0: only if there is
                no row yet, or one that another program wrote).

        Raises:
            Conflict: The row has another version or is gone, or the id is another owner's.
            StoreError: The token holds nothing to keep, or its id does not fit.
            CorruptRecord: The row is there, but cannot be read; it was not changed.
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
        raise Conflict("another writer changed the token", **identify(token))

    def _try_save(self, token: Token, expected_version: int | None) -> Token | None:
        """Return the saved token, or None if another writer was faster."""
        by_id = self.find_token_by_id(token.id) if token.id else None
        stored, new, double = matching.resolve_save(token, by_id, self._lookup, expected_version)
        version = stored.version if stored else 0
        if expected_version is not None and (
            expected_version != version or (stored and is_from_deleted_row(stored, token))
        ):
            raise Conflict("another writer changed or deleted the token", **identify(token))
        if stored is None:
            written = self._add(new)
        else:
            now = self._clock()
            stamp = {"updated_at": now, "version": version_after(stored.version, now)}
            row = encode(merge(stored, new, compared=expected_version is not None, **stamp))
            written = row if self._update(self._encode_row(row), stored.version) else None
        if written and double:
            self._delete(double)
        # Read back from the row, so that it equals what will be found, to the millisecond.
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
        """Return the token in a row, or the error that says why it cannot be read.

        The error is returned, not raised: each frame on its way would hold the row's secrets, and
        error trackers print what frames hold.
        """
        try:
            return self._decode(row)
        except CorruptRecord as error:
            error.__context__ = None
            return error.with_traceback(None)

    def _encode_row(self, row: Row) -> Row:
        """Return a row in the form in which the storage holds it."""
        return row

    def _decode(self, row: Row) -> Token:
        """Return the token in a row, or raise `CorruptRecord`."""
        if (key := key_id(row)) is not None:
            raise missing_key(key)  # its columns hold digests, not tokens
        return decode(row)

    @masks_locals
    def delete_token(self, id: str, *, expected_version: int | None = None) -> None:  # noqa: A002 - the official SDK's name
        """Delete one token.

        Args:
            expected_version: Delete the token only if it has this version.

        Raises:
            TokenNotFound: No token has this id, or it has another version.
        """

        def deleted() -> bool:
            with self._transaction():
                return self._delete_and_note(str(id), expected_version)

        if not self._with_retries(deleted):
            raise TokenNotFound("there is no such token", token_id=str(id))

    @masks_locals
    def delete_tokens(self) -> None:
        """Delete all tokens of this store and nothing else."""

        def emptied() -> None:
            with self._transaction():
                self._delete_all_and_note()

        self._with_retries(emptied)

    @masks_locals
    def was_deleted(self, token: Token) -> bool:
        """Return True if the token's row was deleted, False if it is there or was lost.

        Raises:
            StoreUnavailable: The storage cannot be used.
        """
        gone = self._get_note(deletions.deletion_key(token.id or "")).split()
        if deletions.grant_mark(token) in gone or (deletions.ANY_GRANT in gone and token.version):
            return True
        latest, *largest = map(int, (self._get_note(deletions.ALL) or "-1").split())
        if largest and is_counted(token.version) and (number := numeric_id(token.id or "")):
            return number <= largest[0]
        return to_epoch_ms(deletions.last_saved(token)) <= latest

    def _delete_and_note(self, id_: str, version: int | None) -> bool:
        """Delete a row and record that; return True if it was deleted.

        Args:
            version: Delete the row only if it has this version; None means any.
        """
        for row in self._select(Criterion(id=id_)):
            if version is None or str(row.version or 0) == str(version):
                # Recorded first: if the two are not one transaction, a repeated deletion finds no
                # row and would record nothing.
                self._note_gone(deletions.deletion_key(id_), self._mark_of(row))
        return self._delete(id_) if version is None else self._delete_if_version(id_, version)

    def _delete_all_and_note(self) -> None:
        # By the rows, not by the clock, since hosts' clocks differ: no deleted row is newer than
        # the newest of them, and no id that we gave is larger than the largest.
        latest, largest, *_ = (*map(int, self._get_note(deletions.ALL).split()), 0, 0)
        now = to_epoch_ms(self._clock())
        for row in self._rows():
            with suppress(EvergrantError):  # damaged, or encrypted with a key that is not here
                token = self._decode(row)
                latest = max(latest, to_epoch_ms(deletions.last_saved(token)) or now)
                if self.counts_ids and is_counted(token.version or FIRST):
                    largest = max(largest, numeric_id(token.id or ""))
        text = f"{latest} {largest}" if self.counts_ids else f"{latest}"
        self._note_deletion(deletions.ALL, text)
        self._delete_all()

    def _note_gone(self, key: str, mark: str) -> None:
        others = [known for known in self._get_note(key).split() if known != mark]
        self._note_deletion(key, " ".join([*others, mark][-deletions.MAX_GRANTS :]))

    def _note_deletion(self, key: str, text: str) -> None:
        self._set_note(key, text, to_epoch_ms(self._clock()) + deletions.KEEP_MS)

    def _mark_of(self, row: Row) -> str:
        with suppress(EvergrantError):  # damaged, or encrypted with a key that is not here
            return deletions.grant_mark(self._decode(row))
        return deletions.ANY_GRANT

    @masks_locals
    def lease(self, id: str, ttl: float) -> Lease:  # noqa: A002 - as in the six methods
        """Ask for the right to refresh the token with this id for ``ttl`` seconds.

        Returns at once; the lease is true if it was granted. Use it in a ``with`` statement, or
        release it. An expired lease can be granted to anyone.
        """
        key, owner = str(id), secrets.token_hex(8)
        return Lease(
            held=self._acquire(key, owner, ttl),
            extend=lambda: self._acquire(key, owner, ttl),
            release=lambda: self._give_back(key, owner),
        )

    def _give_back(self, id_: str, owner: str) -> None:
        try:
            self._release(id_, owner)
        except StoreUnavailable as error:
            # The work that it protected is done, and the lease expires by itself.
            _logger.warning("a lease was not given back: %s", error)

    def watch(self, id: str) -> Watch:  # noqa: ARG002, A002 - for stores that tell who changed
        """Return what waits for another caller's work on the token with this id to end.

        Use it in a ``with`` statement. It may return early, and for changes of other tokens.
        """
        return Watch(self._wait_counter)

    def _wait_counter(self) -> Hashable:
        """Return a value that differs after a token was changed or a lease given back.

        None means that the storage cannot tell. If `change_counter` does not count leases that
        were given back, this must.
        """
        return self.change_counter()

    @masks_locals
    def update_note(self, key: str, change: Callable[[str], str], *, life: float) -> str:
        """Replace a note that everyone who shares the store can read; return the new text.

        Read and write are one step. The note survives the death of the process, but may not
        survive a power cut: only tokens are worth the cost of that.

        Args:
            key: Names the note; at most 64 characters. It is no secret.
            change: Makes the new text (at most 2,000 characters) from the present one, which is
                empty if there is no note. May be called more than once. If it raises, the note
                stays as it is.
            life: Seconds from now after which the note may be forgotten.
        """

        def replaced() -> str:
            with self._volatile_transaction():
                before = self._get_note(key)
                after = change(before)
                if after != before:
                    until = to_epoch_ms(self._clock()) + int(life * 1000)
                    self._set_note(key, after, until)
            return after

        return self._with_retries(replaced)

    @masks_locals
    def get_note(self, key: str) -> str:
        """Return the text of a note, or empty text if there is no such note."""
        return self._get_note(key)

    def change_counter(self) -> int | None:
        """Return a number that differs after any change of the store.

        None means that the storage cannot tell; a cache must then not be trusted for long.
        """
        return None

    @masks_locals
    def key_ids(self) -> Counter[str | None]:
        """Return how many rows are encrypted with each key, by its id; None means plain text."""
        return Counter(map(key_id, self._rows()))

    def purge_deleted(self) -> None:
        """Overwrite deleted and replaced data, if the storage allows that."""

    def storage_time(self) -> datetime | None:
        """Return the time (aware) by the storage's own clock, or None if it uses this host's.

        Raises:
            StoreUnavailable: The storage cannot be asked.
        """
        return None

    def config_warnings(self) -> Iterator[str]:
        """Yield a sentence for each setting of the storage that endangers tokens."""
        yield from ()

    def config_remarks(self) -> Iterator[str]:
        """Yield a sentence for each setting that costs time but endangers nothing."""
        yield from ()

    def storage_id(self) -> Hashable:
        """Return what identifies this storage, however its URL was spelled."""
        return self.url

    def close(self) -> None:
        """Release connections and files; the store must not be used afterwards."""

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
                hint="Choose a shorter id, or leave it out to get one.",
            )
        return id_

    def _new_id(self) -> str:
        number = self._next_number()
        if len(str(number)) <= ID_DIGITS:
            return str(number)
        # An official table's last id may be 9999999999; there are enough gaps below it.
        self.repeats_ids = True  # some of the free numbers were ids of deleted rows
        while self._rows_at(guess := str(secrets.randbelow(10**ID_DIGITS - 1) + 1)):
            pass
        return guess
