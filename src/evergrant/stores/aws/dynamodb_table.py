"""The operations on a DynamoDB table that a token store needs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from evergrant._masking import Masked
from evergrant.errors import StoreUnavailable
from evergrant.stores.aws.client import AwsAddress, AwsClient, ExpectedError

__all__ = ["FAILED", "DynamoDBTable", "Item", "absent", "condition", "ids_in", "key_of_lookup"]

FAILED = "ConditionalCheckFailedException"
"""Error code of a write whose condition does not hold."""


class Item(Masked, dict[str, dict[str, Any]]):
    """An item with masked values, since tracebacks may print the frames that it passes through."""

    def __repr__(self) -> str:
        return f"Item({', '.join(self)})"


BATCH = 100
"""Items that DynamoDB returns at once by their keys."""

READY_TIMEOUT_S = 60.0
"""Seconds until a new table must be ready."""


class DynamoDBTable:
    """Items by partition key and sort key, with consistent reads.

    Args:
        timeout: Seconds to wait for a response.
    """

    def __init__(self, place: AwsAddress, timeout: float) -> None:
        self.name = place.name
        self._prefix = place.prefix
        self._service = AwsClient("dynamodb", place, timeout)

    def make(self) -> None:
        """Create the table, and wait until it can be used."""
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        with suppress(ExpectedError):  # another process is creating it
            self.call(
                "create_table",
                "ResourceInUseException",
                KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": "S"} for name, _ in keys
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        until = time.monotonic() + READY_TIMEOUT_S
        while self.call("describe_table")["Table"]["TableStatus"] != "ACTIVE":
            if time.monotonic() > until:
                raise StoreUnavailable(f"the table {self.name} is not ready yet")
            time.sleep(0.5)

    def call(self, operation: str, *passed: str, **parameters: Any) -> Any:
        """Return the response of an operation on the table; see `AwsClient.call`."""
        return self._service.call(operation, *passed, TableName=self.name, **parameters)

    def time(self) -> datetime | None:
        """Return the service's time to the second, or None if unknown."""
        return self._service.time()

    def write(self, changes: list[dict[str, Any]], *passed: str) -> None:
        """Make several changes, all of them or none."""
        self._service.call("transact_write_items", *passed, TransactItems=changes)

    def key(self, kind: str, name: str) -> Item:
        """Return the keys of an item."""
        return Item(pk={"S": f"{self._prefix}#{kind}"}, sk={"S": name})

    def get(self, key: Item, *passed: str) -> Item | None:
        """Return an item, or None if it does not exist."""
        answer = self.call("get_item", *passed, Key=key, ConsistentRead=True)
        return Item(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: list[Item]) -> list[Item]:
        """Return those of the items that exist."""
        found: list[Item] = []
        asked, pause = keys, 0.02
        while asked:
            request = {self.name: {"Keys": asked[:BATCH], "ConsistentRead": True}}
            answer = self._service.call("batch_get_item", RequestItems=request)
            found += map(Item, answer["Responses"].get(self.name, []))
            unread = answer.get("UnprocessedKeys", {}).get(self.name, {})
            left = [Item(key) for key in unread.get("Keys", [])]
            asked = [*left, *asked[BATCH:]]
            if left:
                time.sleep(pause)
                pause = min(2 * pause, 1.0)
        return found

    def query(self, kind: str, contains: tuple[str, str] | None = None) -> Iterator[Item]:
        """Yield the items of a partition.

        Args:
            contains: Only items with this text in this set (name of the set, text).
        """
        begin: dict[str, Any] = {}
        values, only = {":pk": self.key(kind, "")["pk"]}, dict[str, str]()
        if contains:
            only["FilterExpression"] = f"contains({contains[0]}, :one)"
            values[":one"] = {"S": contains[1]}
        while True:
            page = self.call(
                "query",
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                **only,
                **begin,
            )
            yield from map(Item, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            begin = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def key_of_lookup(pk: str) -> Item:
    """Return the keys of a lookup item, by its partition."""
    return Item(pk={"S": pk}, sk={"S": "ids"})


def ids_in(item: Item | None) -> frozenset[str]:
    """Return the ids in a lookup item; no ids if it does not exist."""
    return frozenset(item["ids"]["SS"]) if item and "ids" in item else frozenset()


def absent() -> str:
    """Return the condition that the item does not exist."""
    return "attribute_not_exists(pk)"


def condition(expression: str, **values: dict[str, Any]) -> dict[str, Any]:
    """Return a condition with its values, as arguments of an operation."""
    named = {f":{name}": value for name, value in values.items()}
    return {"ConditionExpression": expression, "ExpressionAttributeValues": named}
