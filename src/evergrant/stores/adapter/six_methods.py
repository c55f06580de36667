"""`SixMethodStore`: adds what a store with just the six methods lacks."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar, Protocol

from evergrant._masking import masks_locals
from evergrant._user_names import same_name
from evergrant.clock import Clock, utc_now
from evergrant.errors import StoreError
from evergrant.stores.adapter.guarded_call import call_store
from evergrant.stores.adapter.verification import (
    OFFICIAL_COUNT,
    as_stored,
    changed_columns,
    not_saved_error,
    owner_of,
    require_unchanged,
    version_of,
    with_columns,
)
from evergrant.stores.in_process import InProcessStore
from evergrant.stores.matching import compatible
from evergrant.stores.rows import ID_DIGITS, Row, Value, decode, encode
from evergrant.stores.urls import hide_password
from evergrant.stores.versions import first_version
from evergrant.token import SECRET_FIELDS, Token

__all__ = ["SixMethodStore", "SixMethods"]

SMALLEST_ID = int("1".ljust(ID_DIGITS, "0"))


class SixMethods(Protocol):
    """The methods, named as in every Zoho SDK, that a store of your own must have for `Token`."""

    def find_token(self, token: Token, /) -> Token | None:
        """Return the token that a partial token names."""

    def save_token(self, token: Token, /) -> object:
        """Insert a token, or replace the token with its id; the result is ignored."""

    def delete_token(self, id: str, /) -> object:  # noqa: A002 - the official SDK's name
        """Delete the token with this id."""

    def get_tokens(self) -> Iterable[Token]:
        """Return all tokens."""

    def delete_tokens(self) -> object:
        """Delete all tokens."""

    def find_token_by_id(self, id: str, /) -> Token | None:  # noqa: A002 - the official SDK's name
        """Return the token with this id; return None or raise if there is no such token."""


class SixMethodStore(InProcessStore):
    """Makes a `TokenStore` of an object with just the six methods.

    The rules of every evergrant store decide which row a token belongs to, which of two tokens
    wins and what is refused. They are applied here to the list from ``get_tokens``; ``find_token``
    and ``find_token_by_id`` are never called. Every save and deletion is verified afterwards: it
    is an error if it did not happen or altered a value. One thread at a time uses the store.

    The store's own id, and fields that it has no place for (scopes, org, times, version), are
    remembered while the process lives. Each look-up reads everything, so derive from `TokenStore`
    instead for many thousands of tokens. The store itself decides whether a save survives a
    crash, and what happens when two processes save different tokens at the same time.

    Args:
        store: The object with the six methods. Its ``url``, if it has one, names it.
    """

    not_promised: ClassVar[tuple[str, ...]] = (
        "one refresh at a time among processes: threads wait, but two processes may both refresh",
        "notes among processes: no process knows what others have used of Zoho's limits",
        "compare-and-swap among processes: of two saves at the same moment, the later one wins",
    )
    """What no store with just the six methods can promise, in sentences."""

    keeps_all_columns = False

    counts_ids = False  # ids are chosen at random

    def __init__(self, store: SixMethods, *, clock: Clock = utc_now) -> None:
        super().__init__(clock=clock)
        self.wrapped = store
        self.url = _url_of(store)
        self._seen: dict[str, Row] = {}
        self._given: dict[tuple[Value, ...], str] = {}
        self._saving: Row | None = None

    @masks_locals
    def close(self) -> None:
        """Close the store, if it can be closed."""
        if callable(getattr(self.wrapped, "close", None)):
            self._ask("close")

    def change_counter(self) -> None:
        """Return None, since other programs may change the storage unnoticed."""

    def _wait_counter(self) -> None:
        pass

    def _from_theirs(self, answer: object) -> Token:
        """Return an item of the store's list as a token."""
        if not isinstance(answer, Token):
            raise StoreError(
                f"get_tokens of {self.url} returned a {type(answer).__name__} instead of a Token"
            )
        return answer

    def _to_theirs(self, token: Token) -> object:
        """Return a token as the store takes it."""
        return token

    def _save(self, row: Row, *, with_id: bool = True) -> None:
        """Pass a row to the store's ``save_token``."""
        self._saving = row
        token = decode(row)
        self._ask("save_token", self._to_theirs(token if with_id else replace(token, id=None)))

    def _ask(self, method: str, *arguments: object) -> object:
        rows = [*self._seen.values(), *([self._saving] if self._saving else [])]
        return call_store(
            self.wrapped,
            method,
            *arguments,
            secrets=(getattr(row, column) for row in rows for column in SECRET_FIELDS),
        )

    def _rows(self) -> Iterator[Row]:
        return iter(self._listed().values())

    def _listed(self) -> dict[str, Row]:
        """Return all rows by id, completed with the fields that the store itself does not keep."""
        with self._lock:
            answer = self._ask("get_tokens")
            if not isinstance(answer, Iterable) or isinstance(answer, str):
                raise StoreError(f"get_tokens of {self.url} returned no list of tokens")
            rows = [encode(self._from_theirs(found)) for found in answer]
            named = (with_columns(row, id=row.id or self._id_for(row)) for row in rows)
            self._seen = {str(row.id): self._completed(row) for row in named}
            return dict(self._seen)

    def _id_for(self, row: Row) -> str:
        """Return the id that a row has here, if the store gives it none."""
        whose: tuple[Value, ...] = (row.user_name, row.client_id)
        if not row.user_name:
            whose = (row.refresh_token, row.access_token, row.grant_token)
        if whose not in self._given:
            self._given[whose] = self._new_id()
        return self._given[whose]

    def _completed(self, row: Row) -> Row:
        known = self._seen.get(str(row.id))
        if known is None:
            return row
        behind_us = row[:OFFICIAL_COUNT] != known[:OFFICIAL_COUNT]
        whole = (
            row if behind_us else (mine or theirs for mine, theirs in zip(row, known, strict=True))
        )
        return with_columns(whole, version=max(version_of(row), version_of(known) + behind_us))

    def _insert(self, row: Row) -> bool:
        id_ = str(row.id)
        before = self._listed()
        if id_ in before:
            return False
        self._save(row)
        kept = self._new_row(row, before)
        if kept is None:
            # A store that gives ids itself takes a token with an id for an update, and did nothing.
            self._save(row, with_id=False)
            kept = self._new_row(row, before)
            # Such a store may give the id of a deleted row again.
            row = with_columns(row, version=first_version(self._clock()))
        if kept is None:
            raise not_saved_error(row, "save_token came back, and the token is not there")
        self._refuse_displacing(row, before)
        self._seen[id_] = self._seen[str(kept.id)] = as_stored(kept, row)
        return True

    def _new_row(self, row: Row, before: dict[str, Row]) -> Row | None:
        after = self._listed()
        fresh = [kept for id_, kept in after.items() if id_ not in before]
        kept = after.get(str(row.id))
        if kept is not None:
            require_unchanged(row, kept)
        return kept or next((other for other in fresh if not changed_columns(row, other)), None)

    def _refuse_displacing(self, row: Row, before: dict[str, Row]) -> None:
        """Restore a row that the store replaced because it compares names but not clients."""
        for id_, old in before.items():
            if not old.user_name or not same_name(str(old.user_name), str(row.user_name)):
                continue
            now = self._seen.get(id_)
            if now is None or not compatible(owner_of(now), owner_of(old)):
                self._save(old)
                raise not_saved_error(
                    row,
                    f"it replaced token {id_}, which belongs to another owner",
                    hint="That one was restored; let save_token tell rows apart by id.",
                )

    def _update(self, row: Row, version: int) -> bool:
        id_ = str(row.id)
        stored = self._listed().get(id_)
        if stored is None or version_of(stored) != version:
            return False
        self._save(row)
        kept = self._listed().get(id_)
        if kept is None:
            raise not_saved_error(row, "save_token came back, and the token is not there")
        require_unchanged(row, kept)
        self._seen[id_] = as_stored(kept, row)
        return True

    def _try_save(self, token: Token, expected_version: int | None) -> Token | None:
        saved = super()._try_save(token, expected_version)
        # As the store has it: perhaps with another id, or an expiry in whole seconds.
        return saved and decode(self._seen[str(saved.id)])

    def _delete(self, id_: str) -> bool:
        if id_ not in self._listed():
            return False
        self._ask("delete_token", id_)
        self._refuse_left({id_})
        return True

    def _delete_all(self) -> None:
        there = self._listed().keys()
        self._ask("delete_tokens")
        self._refuse_left(there)
        self._leases.clear()

    def _refuse_left(self, ids: Iterable[str]) -> None:
        left = [id_ for id_ in ids if id_ in self._listed()]
        if left:
            raise StoreError(
                f"{self.url} deleted nothing: the token is still there", token_id=left[0]
            )

    def _next_number(self) -> int:
        # Random: a counter would give another process the same number, or that of a deleted row.
        return SMALLEST_ID + secrets.randbelow(9 * SMALLEST_ID)


def _url_of(store: object) -> str:
    url = getattr(store, "url", None)
    if not isinstance(url, str) or not url:
        kind = type(store)
        return f"{kind.__module__}.{kind.__qualname__}:".lower()
    shown = hide_password(url)
    # Two databases may look the same without their parameters, but must not share a lifeboat.
    return shown if shown == url else f"{shown}#{hashlib.sha256(url.encode()).hexdigest()[:8]}"
