"""Rebuilds the lookup items that a DynamoDB table has lost."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import suppress
from typing import Any

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.stores.aws.client import ExpectedError
from evergrant.stores.aws.dynamodb_table import (
    FAILED,
    DynamoDBTable,
    Item,
    absent,
    condition,
    ids_in,
    key_of_lookup,
)

__all__ = ["LookupRepair"]

_logger = RateLimitedLog()

QUICK_S = 1.0
"""If reading all rows takes at most this long (seconds), it is done after each failed look-up."""

REST_S = 60.0
"""Seconds between two such readings if they take longer."""


class LookupRepair:
    """Finds rows whose lookup items are missing, and rebuilds those.

    Each row names its lookups. A user without a lookup item is searched among all rows; if there
    are many, at most once a minute.

    Args:
        store: The store's URL.
        read_only: Rebuild nothing.
    """

    def __init__(self, table: DynamoDBTable, store: str, *, read_only: bool) -> None:
        self._table = table
        self._store = store
        self._read_only = read_only
        self._look_at = 0.0

    def on_missing(self, pk: str) -> frozenset[str]:
        """Return the ids of the rows that belong to a lookup whose item is missing."""
        began = time.monotonic()
        if began < self._look_at:
            return frozenset()
        found = frozenset(
            item["sk"]["S"] for item in self._table.query("rows", contains=("lookups", pk))
        )
        took = time.monotonic() - began
        self._look_at = began + took + (REST_S if took > QUICK_S else 0.0)
        if found and not self._read_only:
            self._rebuild()
        return found

    def _rebuild(self) -> None:
        wanted: dict[str, set[str]] = defaultdict(set)
        for row in self._table.query("rows"):
            for pk in row.get("lookups", {}).get("SS", ()):
                wanted[pk].add(row["sk"]["S"])
        there = self._table.get_all([key_of_lookup(pk) for pk in wanted])
        listed = {item["pk"]["S"]: ids_in(item) for item in there}
        made = sum(self._added(pk, ids, listed.get(pk)) for pk, ids in wanted.items())
        if made:
            _logger.warning(
                "%s had lost %d of the items that lead to its tokens (did another program delete "
                "them?): they were rebuilt from the tokens", self._store, made,
            )  # fmt: skip

    def _added(self, pk: str, ids: set[str], listed: frozenset[str] | None) -> bool:
        """Add the ids that a lookup lacks, unless another writer changes it at this moment."""
        if listed is not None and ids <= listed:
            return False
        only: dict[str, Any] = {"ConditionExpression": absent()}
        if listed:
            only = condition("ids = :ids", ids={"SS": sorted(listed)})
        item = Item(key_of_lookup(pk) | {"ids": {"SS": sorted(ids | (listed or frozenset()))}})
        with suppress(ExpectedError):
            self._table.call("put_item", FAILED, Item=item, **only)
            return True
        return False
