"""`SecretsManagerStore`: each token a secret of AWS Secrets Manager.

NAME/PREFIX/token/<id>     a row, as a JSON list
NAME/PREFIX/hashed/<hash>  the same, for an id that cannot be part of a name
NAME/PREFIX/index          the id of each user, as JSON; only logins and deletions change it
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from evergrant.clock import Clock, utc_now
from evergrant.stores.aws.client import TIMEOUT_S, parse_url, refuse_half_characters
from evergrant.stores.aws.secretsmanager_client import SecretClient
from evergrant.stores.aws.secretsmanager_format import (
    FOUND_BY,
    TOMBSTONE,
    Index,
    StoredSecret,
    index_entry,
    parse_row,
    secret_name,
    serialize_row,
)
from evergrant.stores.aws.secretsmanager_repair import rebuild_index
from evergrant.stores.deletions import ALL, DELETED
from evergrant.stores.in_process import InProcessStore
from evergrant.stores.matching import Criterion, fits
from evergrant.stores.optimistic import read_only_error, retry_on_conflict
from evergrant.stores.row_index import USER_PREFIX
from evergrant.stores.rows import Row, numeric_id
from evergrant.stores.versions import is_counted
from evergrant.token import Secret, Token

__all__ = ["SecretsManagerStore"]

T = TypeVar("T")


INDEX_LIFE_S = 30.0
"""Seconds that the index is cached; it is read again when a user is not found in it."""


class SecretsManagerStore(InProcessStore):
    """Keeps tokens in AWS Secrets Manager; meant for some hundreds, since each secret has a price.

    Each process has its own leases and notes, since the service allows few versions of a secret.
    So two processes may refresh at the same time, and the first to save wins.

    Args:
        url: ``aws-secretsmanager://NAME?region=eu-central-1``; ``?prefix=`` lets stores share a
            name, and ``?endpoint_url=`` names another server.
        timeout: Seconds to wait for a response.
        read_only: Change nothing.

    Raises:
        StoreUnavailable: The service cannot be used.
        ConfigError: The URL is malformed, or region or credentials are missing.
        MissingExtra: boto3 is not installed.
    """

    is_persistent = True

    def __init__(
        self,
        url: str,
        *,
        timeout: float | None = None,
        read_only: bool = False,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(clock=clock)
        place = parse_url(Secret(url), r"[A-Za-z0-9_.-]{1,100}")
        self.url = place.url
        self._read_only = read_only
        self._vault = SecretClient(place, timeout or place.timeout or TIMEOUT_S)
        self._here = threading.local()
        self._known, self._known_until = Index(None), 0.0
        self._fresh_index()

    def _refuse_read_only(self) -> None:
        if self._read_only:
            raise read_only_error(self.url)

    def _put(self, name: str, text: Secret, before: str | None) -> None:
        self._refuse_read_only()
        self._vault.put(name, text, before)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Remember the index as read; it is changed only if it is still the same."""
        self._here.index = None
        with self._lock:
            self._here.inside = True
            try:
                yield
            finally:
                self._here.inside, self._here.index = False, None

    def _with_retries(self, change: Callable[[], T]) -> T:
        """Make a change; try again if another writer was faster."""
        return retry_on_conflict(change)

    @contextmanager
    def _volatile_transaction(self) -> Iterator[None]:
        with self._lock:
            yield

    def _index(self, *, known_will_do: bool = False) -> Index:
        if getattr(self._here, "inside", False):
            if self._here.index is None:
                self._here.index = self._fresh_index()
            index: Index = self._here.index
            return index
        if known_will_do and time.monotonic() < self._known_until:
            return self._known
        return self._fresh_index()

    def _fresh_index(self) -> Index:
        index = Index(self._vault.get("index"))
        if index.is_lost:
            index = rebuild_index(self._vault, index, self.url, read_only=self._read_only)
        self._known, self._known_until = index, time.monotonic() + INDEX_LIFE_S
        return index

    def _write_index(self, index: Index) -> None:
        self._put("index", Secret(index.text()), index.version)
        self._here.index = None
        self._known_until = 0.0

    def _select(self, criterion: Criterion) -> list[Row]:
        if "id" in criterion:
            row = self._row(criterion["id"])
            return [row] if row else []
        column, value = next(iter(criterion.items()))
        if column not in FOUND_BY:  # an access token, which the index does not have
            return [row for row in self._rows() if fits(row, criterion)]
        return [
            row
            for row in self._looked_up(column, value)
            if not any(row[1:]) or fits(row, criterion)
        ]

    def _select_by_user(self, name: str) -> list[Row]:
        return self._looked_up(USER_PREFIX, name)

    def _looked_up(self, column: str, value: str) -> list[Row]:
        found = self._all(self._index(known_will_do=True).ids(column, value))
        return found or self._all(self._index().ids(column, value))

    def _all(self, ids: list[str]) -> list[Row]:
        return [row for row in map(self._row, ids) if row]

    def _row(self, id_: str) -> Row | None:
        kept = self._vault.get(secret_name(id_))
        return parse_row(id_, kept.text) if kept and kept.text != TOMBSTONE else None

    def _rows(self) -> Iterator[Row]:
        ids = {secret_name(id_): id_ for id_ in self._index().rows}
        for name, text in self._vault.get_all(list(ids)):
            if text != TOMBSTONE:
                yield parse_row(ids[name], text)

    def _insert(self, row: Row) -> bool:
        refuse_half_characters(row)
        id_, index = str(row.id), self._index()
        there = self._vault.get(secret_name(id_))
        if there and there.text != TOMBSTONE and id_ in index.rows:
            return False
        index.number = max(index.number, numeric_id(id_))
        index.rows[id_] = index_entry(row)
        self._write_index(index)
        self._put(secret_name(id_), serialize_row(row), there.version if there else None)
        return True

    def _update(self, row: Row, version: int) -> bool:
        refuse_half_characters(row)
        id_ = str(row.id)
        now = self._at(id_, version)
        if now is None:
            return False
        index = self._index(known_will_do=True)
        if index.rows.get(id_) != index_entry(row):
            index = self._index()
            index.rows[id_] = index_entry(row)
            self._write_index(index)
        self._put(secret_name(id_), serialize_row(row), now.version)
        return True

    def _delete(self, id_: str) -> bool:
        return self._deleted(id_, self._vault.get(secret_name(id_)))

    def _delete_if_version(self, id_: str, version: int) -> bool:
        now = self._at(id_, version)
        return now is not None and self._deleted(id_, now)

    def _at(self, id_: str, version: int) -> StoredSecret | None:
        now = self._vault.get(secret_name(id_))
        is_it = now and now.text != TOMBSTONE and (parse_row(id_, now.text).version or 0) == version
        return now if is_it else None

    def _deleted(self, id_: str, there: StoredSecret | None) -> bool:
        index = self._index()
        if there:
            self._put(
                secret_name(id_), TOMBSTONE, there.version
            )  # from now on, no save can replace it
            self._vault.delete(secret_name(id_))
        if id_ in index.rows:
            del index.rows[id_]
            self._write_index(index)  # with the note of the deletion; see `_set_note`
            return True
        return there is not None

    def _delete_all(self) -> None:
        self._refuse_read_only()
        index = self._index()
        for id_ in index.rows:
            self._vault.delete(secret_name(id_))
        if index.version:
            index.rows = {}
            self._write_index(index)
        self._leases.clear()

    def was_deleted(self, token: Token) -> bool:
        """Return True if a row was deleted, not lost; see `TokenStore.was_deleted`."""
        if is_counted(token.version) and self._index().has_deleted(token.id or ""):
            return True  # the index has every row that should exist
        return super().was_deleted(token)

    def _get_note(self, key: str) -> str:
        gone = self._index().gone.get(key) if key.startswith(DELETED) else None
        return gone or super()._get_note(key)

    def _set_note(self, key: str, text: str, until: int) -> None:
        if key.startswith(DELETED) and key != ALL and getattr(self._here, "inside", False):
            self._index().note(key, text)
        else:
            super()._set_note(key, text, until)

    def _next_number(self) -> int:
        index = self._index()
        index.number += 1  # saved together with the row that gets it
        while self._row(str(index.number)):  # the index was lost, but the row was not
            index.number += 1
        return index.number

    def change_counter(self) -> int | None:
        """Return None: the service sends no notices of changes, so caches last only a second."""
        return None

    def storage_time(self) -> datetime | None:
        """Return the time by the service's clock, to the second."""
        self._vault.get("index")
        return self._vault.time()

    def _wait_counter(self) -> Hashable:
        return None

    def storage_id(self) -> Hashable:  # type: ignore[override]
        """Return what identifies this storage, whose URL has only one spelling."""
        return self.url
