"""`RedisStore`: tokens in Redis or Valkey, shared by any number of hosts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from evergrant.clock import Clock, from_epoch_ms, to_epoch_ms, utc_now
from evergrant.errors import MissingExtra, StoreUnavailable
from evergrant.stores.optimistic import OptimisticStore, WriteConflict, lookup_key, read_only_error
from evergrant.stores.rows import COLUMNS, Row
from evergrant.token import Secret

try:
    from redis.exceptions import NoScriptError, RedisError
except ModuleNotFoundError:
    raise MissingExtra("a Redis store", extra="redis") from None

from evergrant.stores.redis import bookkeeping, scripts
from evergrant.stores.redis.bookkeeping import Script
from evergrant.stores.redis.clients import Clients
from evergrant.stores.redis.index_repair import is_found_by, lookups_of, repair, rows_in
from evergrant.stores.redis.pubsub import ChangeSubscriber
from evergrant.stores.redis.urls import parse_url

__all__ = ["RedisStore"]

T = TypeVar("T")

TORN = -2
"""The response of a script that did nothing because keys of the store are gone."""

PAGE = 500
"""Rows that are read, or deleted, at a time when all are listed or deleted."""


class RedisStore(OptimisticStore):
    """Keeps tokens in a Redis or Valkey server, a cluster, or servers behind sentinels.

    The server's settings decide whether a save survives a crash of the server: see docs/stores.md,
    and `evergrant doctor`, which checks them.

    Args:
        url: ``redis://``, ``rediss://`` (TLS), ``unix://``, ``redis+cluster://host,host`` or
            ``redis+sentinel://host,host/service``; ``?table=`` is the prefix of all keys.
        timeout: Seconds to wait for each response of the server.
        read_only: Change nothing.

    Raises:
        StoreUnavailable: The server cannot be used.
        ConfigError: The URL is malformed.
        MissingExtra: The redis package is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float | None = None,
        read_only: bool = False,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(clock=clock)
        place = parse_url(Secret(url))
        del url  # a traceback may print local variables
        self.url = place.url
        self._prefix = f"{{{place.prefix}}}"
        self._read_only = read_only
        patience = timeout or place.timeout or 5.0
        connect = partial(place.connect, patience)
        self._clients = Clients(connect, self.url, patience)
        self._hearing = ChangeSubscriber(connect, self._prefix)
        self._identity = self._named()
        self._clients.was_writable = not read_only
        if not read_only and not self._run(bookkeeping.CHECK):
            self._could_repair()

    def _named(self) -> str:
        """Return the random name of this storage, since its address has many spellings."""
        if self._read_only:
            name = self._ask(lambda: self._clients.for_this_process().get(f"{self._prefix}:name"))
        else:
            name = self._run(scripts.OPEN, secrets.token_hex(8))
        return str(name or self.url)

    def _ask(self, question: Callable[[], T]) -> T:
        moves = self._clients.moves
        try:
            return self._clients.call(question)
        finally:
            if self._clients.moves != moves:
                self._hearing.move()

    def _run(self, script: Script, *arguments: str | int) -> Any:
        def run() -> Any:
            try:
                return self._clients.for_this_process().evalsha(
                    script.sha, 1, self._prefix, *arguments
                )
            except NoScriptError:  # the server was restarted, or it is another one
                return self._clients.for_this_process().eval(
                    script.text, 1, self._prefix, *arguments
                )

        return self._ask(run)

    def _write(self, script: Script, *arguments: str | int) -> int:
        if self._read_only:
            raise read_only_error(self.url)
        return int(self._run(script, *arguments))

    def _by_id(self, id_: str) -> list[Row]:
        return rows_in(self._run(scripts.BY_ID, id_))

    def _looked_up(self, column: str, value: str) -> list[Row]:
        lookup = lookup_key(column, value)
        for is_again in (False, True):
            whole, count, answer = self._run(scripts.FIND, lookup)
            rows = rows_in(answer)
            del answer  # what is raised from here may be printed, with local variables
            if whole and all(is_found_by(row, column, value) for row in rows):
                break
            if is_again or not self._could_repair():
                rows = self._among_all(column, value, count)
        if (seen := self._seen()) is not None:
            seen[lookup] = rows
        return rows

    def _could_repair(self) -> bool:
        """Rebuild the keys that lead to rows; return whether that was allowed and worked."""
        try:
            self._repair()
        except StoreUnavailable:  # the account may only read, or the server is full
            return False
        return True

    def _repair(self) -> None:
        if self._read_only:
            raise read_only_error(self.url)
        repair(self._run, self.url, self._hearing.sender)
        self._hearing.note_change()

    def _among_all(self, column: str, value: str, count: str) -> list[Row]:
        """Return the rows of a lookup that has lost keys, by reading all rows.

        Raises:
            StoreUnavailable: Not all rows are listed.
        """
        everything = list(self._listed())
        if str(len(everything)) != count and self._identity != self.url:
            raise StoreUnavailable(
                f"{self.url} has lost some of its own keys",
                hint="Open it once to write, with free memory: evergrant doctor.",
            )
        return [row for row in everything if is_found_by(row, column, value)]

    def _rows(self) -> Iterator[Row]:
        if not self._read_only and not self._run(bookkeeping.CHECK):
            self._could_repair()
        return self._listed()

    def _listed(self) -> Iterator[Row]:
        last, torn = "-inf", False
        while page := self._run(scripts.PAGE, last, PAGE):
            found = [values for values in page[1::2] if values]
            torn = torn or 2 * len(found) < len(page)
            yield from rows_in(found)
            last = page[-2]
            del page, found  # the next page may fail, and a traceback print local variables
        if torn:
            self._could_repair()

    def _insert(self, row: Row) -> bool:
        return self._changed(str(row.id), "absent", row)

    def _update(self, row: Row, version: int) -> bool:
        return self._changed(str(row.id), str(version), row)

    def _delete(self, id_: str) -> bool:
        # If a save also deletes a user's second row, that is a separate step. A process that dies
        # between the two leaves the second row, which the next save deletes.
        return self._changed(id_, "any", None, seen={})

    def _delete_if_version(self, id_: str, version: int) -> bool:
        return self._changed(id_, str(version), None, seen={})

    def _changed(
        self, id_: str, expected: str, row: Row | None, seen: dict[str, list[Row]] | None = None
    ) -> bool:
        if seen is None:
            seen = self._seen() or {}
        said: list[str | int] = [self._hearing.sender, id_, expected, len(seen)]
        for lookup, rows in seen.items():
            said += [lookup, 2 * len(rows)]
            for found in rows:
                said += [str(found.id), str(found.version or 0)]
        lookups = lookups_of(row) if row else []
        said += [len(lookups), *lookups, 2 * len(COLUMNS) if row else 0]
        if row:
            for column, value in zip(COLUMNS, row, strict=True):
                said += [column, "" if value is None else value]
        answer = self._write(scripts.CHANGE, *said)
        del said  # what is raised from here may be printed, with local variables
        if answer == TORN:
            self._repair()
        if answer < 0:
            raise WriteConflict(f"another writer saved a token at the same time in {self.url}")
        changed = answer > 0
        if changed:
            self._hearing.note_change()
            if (mine := self._seen()) is not None:
                mine.clear()  # this thread has changed them now
        return changed

    def _delete_all(self) -> None:
        while deleted := self._write(scripts.DELETE_ALL, PAGE, self._hearing.sender):
            if deleted == TORN:
                self._repair()
        self._hearing.note_change()

    def _next_number(self) -> int:
        return self._write(scripts.NEXT_NUMBER)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        return self._write(scripts.ACQUIRE, id_, owner, int(ttl * 1000)) > 0

    def _release(self, id_: str, owner: str) -> None:
        self._write(scripts.RELEASE, id_, owner)

    def _noted(self, key: str) -> str:
        return str(
            self._ask(lambda: self._clients.for_this_process().get(f"{self._prefix}:note:{key}"))
            or ""
        )

    def _get_note(self, key: str) -> str:
        noted = self._here.note = self._noted(key)
        return noted.partition(" ")[2]  # the server drops it in time; hosts' clocks differ

    def _set_note(self, key: str, text: str, until: int) -> None:
        life = max(until - to_epoch_ms(self._clock()), 1)
        noted = f"{until} {text}" if text else ""
        if not self._write(scripts.PUT_NOTE, key, self._here.note, noted, life):
            raise WriteConflict(f"another writer changed the same note in {self.url}")

    def change_counter(self) -> int | None:
        """Return a number that differs after any change of the store, or None if not known."""
        return self._hearing.changes()

    def _wait_counter(self) -> Hashable:
        return self._hearing.wait_counter()

    def storage_id(self) -> Hashable:
        """Return what identifies this storage, however its URL was spelled."""
        return "redis", self._identity, self._prefix

    def storage_time(self) -> datetime:
        """Return the time by the server's clock."""
        seconds, microseconds = self._ask(lambda: self._clients.for_this_process().time())
        return from_epoch_ms(int(seconds) * 1000 + int(microseconds) // 1000)

    def config_warnings(self) -> Iterator[str]:
        """Yield a sentence for each setting of the server that endangers tokens."""
        try:
            kept = self._ask(lambda: self._clients.for_this_process().info("persistence"))
        except StoreUnavailable as error:
            if error.retryable:
                raise
            yield f"{self.url} does not tell this account how it keeps its data (+info)"
            return
        saves = self._client_setting("save")
        if not int(kept.get("aof_enabled", 0)) and saves == "":
            yield f"{self.url} keeps nothing on disk: a restart loses every token"
        elif not int(kept.get("aof_enabled", 0)):
            yield f"{self.url} keeps no log (appendonly no): a crash loses its last minutes"
        if dropped := int(
            self._ask(lambda: self._clients.for_this_process().info("stats")).get("evicted_keys", 0)
        ):
            yield f"{self.url} has dropped {dropped} keys for want of memory, tokens perhaps too"
            self._could_repair()
        policy = self._ask(lambda: self._clients.for_this_process().info("memory")).get(
            "maxmemory_policy"
        )
        if policy not in (None, "noeviction"):
            yield f"{self.url} may drop tokens when its memory is full (maxmemory-policy {policy})"

    def _client_setting(self, name: str) -> str | None:
        with suppress(RedisError):  # many hosting services forbid this
            return str(self._clients.for_this_process().config_get(name).get(name))
        return None

    def close(self) -> None:
        """Close the connections."""
        self._hearing.close()
        self._clients.close()
