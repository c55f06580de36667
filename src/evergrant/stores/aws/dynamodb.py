"""`DynamoDBStore`: tokens in one DynamoDB table.

Each item has a partition key ``pk`` and a sort key ``sk``:

    {p}#rows       <id>      a row: its columns, the lookups that list it, and a ``mark``, which
                             differs after each write
    {p}#by#<hash>  ids       the ids of the rows with a value in a column; the value is not shown
    {p}#lease      <id>      the holder of a lease, and when it ends
    {p}#note       <key>     a note
    {p}#counter    number    the largest number that was an id
    {p}#name       name      identifies this storage
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from evergrant.clock import Clock, to_epoch_ms, utc_now
from evergrant.errors import StoreMissing
from evergrant.stores.aws.client import TIMEOUT_S, ExpectedError, parse_url, refuse_half_characters
from evergrant.stores.aws.dynamodb_repair import LookupRepair
from evergrant.stores.aws.dynamodb_table import (
    FAILED,
    DynamoDBTable,
    Item,
    absent,
    condition,
    ids_in,
    key_of_lookup,
)
from evergrant.stores.in_process import CLOCKS_DIFFER_MS
from evergrant.stores.optimistic import (
    OptimisticStore,
    WriteConflict,
    lookup_key,
    read_only_error,
    retry_on_conflict,
)
from evergrant.stores.row_index import index_keys
from evergrant.stores.rows import COLUMNS, ID_DIGITS, Row
from evergrant.stores.versions import BEYOND_COUNTED, random_first_version
from evergrant.token import Secret

__all__ = ["DynamoDBStore"]

T = TypeVar("T")
CANCELED = "TransactionCanceledException"
MISSING = "ResourceNotFoundException"
_KEYS = ("pk", "sk")

AGREE_MS = 3_000
"""Milliseconds by which two clocks may differ: a header has whole seconds, and takes time to come.
"""


class DynamoDBStore(OptimisticStore):
    """Keeps tokens in a DynamoDB table, which is created if it does not exist.

    Leases use this host's clock, unless the service's clock differs; each of its responses has the
    time, to the second.

    Args:
        url: ``dynamodb://TABLE?region=eu-central-1``; ``?prefix=`` lets stores share a table, and
            ``?endpoint_url=`` names another server with the API of DynamoDB.
        timeout: Seconds to wait for a response.
        read_only: Change nothing.

    Raises:
        StoreUnavailable: The table cannot be used.
        ConfigError: The URL is malformed, or region or credentials are missing.
        MissingExtra: boto3 is not installed.
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
        place = parse_url(Secret(url), r"[A-Za-z0-9_.-]{3,255}")
        self.url = place.url
        self._prefix, self._read_only = place.prefix, read_only
        self._table = DynamoDBTable(place, timeout or place.timeout or TIMEOUT_S)
        self._lookups_lost = LookupRepair(self._table, self.url, read_only=read_only)
        self._identity = self._named()

    def _named(self) -> str:
        key = self._table.key("name", "name")
        try:
            found = self._table.get(key, MISSING)
        except ExpectedError:
            if self._read_only:
                raise StoreMissing(f"there is no table {self._table.name}", hint="") from None
            self._table.make()
            found = None
        if found is None and not self._read_only:
            named = key | {"name": {"S": secrets.token_hex(8)}}
            with suppress(ExpectedError):  # another process was faster
                self._table.call("put_item", FAILED, Item=named, ConditionExpression=absent())
            found = self._table.get(key)
        return str(found["name"]["S"]) if found else self.url

    def _by_id(self, id_: str) -> list[Row]:
        found = self._table.get(self._table.key("rows", id_)) if id_ else None
        return [_row(found)] if found else []

    def _looked_up(self, column: str, value: str) -> list[Row]:
        key = self._table.key(f"by#{lookup_key(column, value)}", "ids")
        ids = ids_in(self._table.get(key)) or self._lookups_lost.on_missing(key["pk"]["S"])
        items = self._table.get_all([self._table.key("rows", id_) for id_ in ids]) if ids else []
        if (seen := self._seen()) is not None:
            seen[key["pk"]["S"]] = (ids, {item["sk"]["S"]: item["mark"]["S"] for item in items})
        return [_row(item) for item in items]

    def _rows(self) -> Iterator[Row]:
        for item in self._table.query("rows"):
            yield _row(item)

    def _insert(self, row: Row) -> bool:
        id_ = str(row.id)
        if id_.isascii() and id_.isdecimal() and len(id_) <= ID_DIGITS:
            self._raise_number(int(id_))
        return self._changed(id_, row, lambda now: now is None)

    def _update(self, row: Row, version: int) -> bool:
        return self._changed(
            str(row.id), row, lambda now: now is not None and _version(now) == version
        )

    def _delete(self, id_: str) -> bool:
        return bool(id_) and self._changed(id_, None, lambda now: now is not None, alone=True)

    def _delete_if_version(self, id_: str, version: int) -> bool:
        return self._changed(
            id_, None, lambda now: now is not None and _version(now) == version, alone=True
        )

    def _changed(
        self,
        id_: str,
        row: Row | None,
        expected: Callable[[Item | None], bool],
        *,
        alone: bool = False,
    ) -> bool:
        """Put or delete a row, if it and all rows that were looked up are unchanged.

        Args:
            alone: Ignore other rows that were looked up.
        """
        self._refuse_read_only()
        refuse_half_characters(row or [id_])
        key = self._table.key("rows", id_)
        now = self._table.get(key)
        if not expected(now):
            return False
        before = set(now["lookups"]["SS"]) if now and "lookups" in now else set()
        after = (
            {f"{self._prefix}#by#{lookup_key(*entry)}" for entry in index_keys(row)}
            if row
            else set()
        )
        seen = {} if alone else self._seen() or {}
        changes = [self._row_change(key, row, now, after)]
        # Lookups that stay the same and were not read are left out, since others may change them.
        lookups = {pk: ids for pk, (ids, _) in seen.items()} | self._lookups(before ^ after, seen)
        changes += [
            self._lookup_change(pk, ids, id_, adds=pk in after, removes=pk in before - after)
            for pk, ids in lookups.items()
        ]
        marks = {other: mark for _, rows in seen.values() for other, mark in rows.items()}
        changes += [
            self._check(self._table.key("rows", other), "mark = :mark", mark={"S": mark})
            for other, mark in marks.items()
            if other != id_
        ]
        if marks.get(id_, now and now["mark"]["S"]) != (now and now["mark"]["S"]):
            return False
        try:
            self._table.write(changes, CANCELED)
        except ExpectedError:
            raise WriteConflict(f"another writer changed the same token in {self.url}") from None
        if (mine := self._seen()) is not None:
            mine.clear()  # this thread has changed them now
        return True

    def _lookups(self, names: set[str], seen: dict[str, Any]) -> dict[str, frozenset[str]]:
        keys = [key_of_lookup(pk) for pk in sorted(names - seen.keys())]
        found = {item["pk"]["S"]: ids_in(item) for item in self._table.get_all(keys)}
        return {key["pk"]["S"]: found.get(key["pk"]["S"], frozenset()) for key in keys}

    def _row_change(
        self, key: Item, row: Row | None, now: Item | None, lookups: set[str]
    ) -> dict[str, Any]:
        only: dict[str, Any] = {"ConditionExpression": absent()}
        if now:
            only = condition("mark = :mark", mark=now["mark"])
        if row is None:
            return {"Delete": {"TableName": self._table.name, "Key": key, **only}}
        item = Item(key | {"mark": {"S": secrets.token_hex(8)}})
        for column, value in zip(COLUMNS, row, strict=True):
            if column != "id" and value not in (None, ""):
                item[column] = {"N" if isinstance(value, int) else "S": str(value)}
        if lookups:
            item["lookups"] = {"SS": sorted(lookups)}
        return {"Put": {"TableName": self._table.name, "Item": item, **only}}

    def _lookup_change(
        self, pk: str, ids: frozenset[str], id_: str, *, adds: bool, removes: bool
    ) -> dict[str, Any]:
        key = key_of_lookup(pk)
        after = ids | {id_} if adds else ids - {id_} if removes else ids
        only: dict[str, Any] = {"ConditionExpression": absent()}
        if ids:
            only = condition("ids = :ids", ids={"SS": sorted(ids)})
        if after == ids:
            return {"ConditionCheck": {"TableName": self._table.name, "Key": key, **only}}
        if not after:
            return {"Delete": {"TableName": self._table.name, "Key": key, **only}}
        item = Item(key | {"ids": {"SS": sorted(after)}})
        return {"Put": {"TableName": self._table.name, "Item": item, **only}}

    def _check(self, key: Item, expression: str, **values: dict[str, str]) -> dict[str, Any]:
        check = {"TableName": self._table.name, "Key": key, **condition(expression, **values)}
        return {"ConditionCheck": check}

    def _delete_all(self) -> None:
        self._refuse_read_only()
        for item in self._table.query("rows"):
            retry_on_conflict(lambda id_=item["sk"]["S"]: self._delete(id_))  # type: ignore[misc]
        for item in self._table.query("lease"):
            self._table.call("delete_item", Key={name: item[name] for name in _KEYS})

    def _next_number(self) -> int:
        self._refuse_read_only()
        answer = self._table.call(
            "update_item",
            Key=self._table.key("counter", "number"),
            # A missing counter may have been lost, so the new one starts above all former ids.
            UpdateExpression="SET largest = if_not_exists(largest, :begin) + :one",
            ExpressionAttributeValues={
                ":begin": {"N": str(random_first_version())},
                ":one": {"N": "1"},
            },
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["largest"]["N"])

    def _raise_number(self, number: int) -> None:
        """Record that a number is an id, which must never be given again."""
        with suppress(ExpectedError):  # a larger number was an id already
            self._refuse_read_only()
            self._table.call(
                "update_item",
                FAILED,
                Key=self._table.key("counter", "number"),
                UpdateExpression="SET largest = :n",
                ConditionExpression="largest < :n"
                + (" OR attribute_not_exists(pk)" if number >= 2 * BEYOND_COUNTED else ""),
                ExpressionAttributeValues={":n": {"N": str(number)}},
            )

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        self._refuse_read_only()
        now, span = self._now(), int(ttl * 1000)
        item = self._table.key("lease", id_) | {
            "holder": {"S": owner},
            "earliest": {"N": str(now - span)},  # see `leases.is_active`
            "until": {"N": str(now + span)},
        }
        free = "attribute_not_exists(pk) OR holder = :me OR #until <= :now OR earliest > :now"
        try:
            self._table.call(
                "put_item",
                FAILED,
                Item=item,
                ConditionExpression=free,
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":me": {"S": owner}, ":now": {"N": str(now)}},
            )
        except ExpectedError:
            return False
        return True

    def _now(self) -> int:
        ours, theirs = to_epoch_ms(self._clock()), self._table.time()
        if theirs is None or abs(to_epoch_ms(theirs) - ours) < AGREE_MS:
            return ours
        return to_epoch_ms(theirs)

    def storage_time(self) -> datetime | None:
        """Return the time by the service's clock, to the second."""
        self._table.get(self._table.key("name", "name"))
        return self._table.time()

    def _release(self, id_: str, owner: str) -> None:
        with suppress(ExpectedError):
            only = condition("holder = :me", me={"S": owner})
            self._table.call("delete_item", FAILED, Key=self._table.key("lease", id_), **only)

    def _get_note(self, key: str) -> str:
        noted = self._here.note = self._table.get(self._table.key("note", key))
        return str(noted["text"]["S"]) if noted else ""

    def _set_note(self, key: str, text: str, until: int) -> None:
        self._refuse_read_only()
        before: Item | None = self._here.note
        only: dict[str, Any] = {"ConditionExpression": absent()}
        if before:
            only = condition("mark = :mark", mark=before["mark"])
        until += self._now() - to_epoch_ms(self._clock())  # by the service's clock
        item = self._table.key("note", key) | {
            "text": {"S": text},
            "until": {"N": str(until)},
            "expires": {
                "N": str((until + CLOCKS_DIFFER_MS) // 1000 + 1)
            },  # for a table with a time to live
            "mark": {"S": secrets.token_hex(8)},
        }
        try:
            self._table.call("put_item", FAILED, Item=item, **only)
        except ExpectedError:
            raise WriteConflict(f"another writer changed the same note in {self.url}") from None

    def _refuse_read_only(self) -> None:
        if self._read_only:
            raise read_only_error(self.url)

    def change_counter(self) -> int | None:
        """Return None: the service sends no notices of changes, so caches last only a second."""
        return None

    def storage_id(self) -> Hashable:
        """Return what identifies this storage, however its URL was spelled."""
        return "dynamodb", self._identity, self._prefix


def _version(item: Item | None) -> int:
    return int(item["version"]["N"]) if item and "version" in item else 0


def _row(item: Item) -> Row:
    values: list[str | int | None] = [item["sk"]["S"]]
    for column in COLUMNS[1:-1]:
        value = item.get(column, {})
        values.append(value.get("S", value.get("N")))
    version = item.get("version", {})
    values.append(int(version["N"]) if "N" in version else version.get("S", 0))
    return Row(values)
