"""Leases and notes in a DynamoDB table."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import datetime
from typing import Any

from evergrant.clock import to_epoch_ms
from evergrant.stores.aws.client import ExpectedError
from evergrant.stores.aws.dynamodb_table import DynamoDBTable, Item, absent, condition
from evergrant.stores.in_process_notes import CLOCKS_DIFFER
from evergrant.stores.optimistic import OptimisticStore, WriteConflict, read_only_error

__all__ = ["FAILED", "DynamoDBCoordination"]

FAILED = "ConditionalCheckFailedException"

AGREE = 3_000
"""Milliseconds by which two clocks may differ: a header tells whole seconds, and is on its way."""


class DynamoDBCoordination(OptimisticStore):
    """What processes tell each other through a table.

    Leases go by the clock of whoever takes them, unless that is another one than the service's:
    each of its answers tells the time, to the second.
    """

    _table: DynamoDBTable
    _read_only: bool

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        self._refuse_read_only()
        now, span = self._now(), int(ttl * 1000)
        item = self._table.key("lease", id_) | {
            "holder": {"S": owner},
            "earliest": {"N": str(now - span)},  # see `lease.still_runs`
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
        if theirs is None or abs(to_epoch_ms(theirs) - ours) < AGREE:
            return ours
        return to_epoch_ms(theirs)

    def storage_time(self) -> datetime | None:
        """Return what the service's clock says, to the second."""
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
                "N": str((until + CLOCKS_DIFFER) // 1000 + 1)
            },  # for a table with a time to live
            "mark": {"S": secrets.token_hex(8)},
        }
        try:
            self._table.call("put_item", FAILED, Item=item, **only)
        except ExpectedError:
            raise WriteConflict(f"somebody else changed the same note in {self.url}") from None

    def _refuse_read_only(self) -> None:
        if self._read_only:
            raise read_only_error(self.url)
