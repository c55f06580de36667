"""A DynamoDB table, as far as a store of tokens needs it."""

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
"""Code of the error that a write gets whose condition does not hold."""


class Item(Masked, dict[str, dict[str, Any]]):
    """An item whose values do not show: it travels through frames that a traceback may print."""

    def __repr__(self) -> str:
        return f"Item({', '.join(self)})"


BATCH = 100
"""Items that DynamoDB returns at once when they are asked for by their keys."""

READY = 60.0
"""Seconds that a new table may take."""


class DynamoDBTable:
    """Items by partition key and sort key, read as they are at that moment.

    Args:
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, place: AwsAddress, timeout: float) -> None:
        self.name = place.name
        self._prefix = place.prefix
        self._service = AwsClient("dynamodb", place, timeout)

    def make(self) -> None:
        """Make the table, and wait until it can be used."""
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        with suppress(ExpectedError):  # another process makes it
            self.call(
                "create_table",
                "ResourceInUseException",
                KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": "S"} for name, _ in keys
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        until = time.monotonic() + READY
        while self.call("describe_table")["Table"]["TableStatus"] != "ACTIVE":
            if time.monotonic() > until:
                raise StoreUnavailable(f"the table {self.name} is not ready yet")
            time.sleep(0.5)

    def call(self, operation: str, *passed: str, **parameters: Any) -> Any:
        """Return the answer of an operation on the table; see `Service.ask`."""
        return self._service.call(operation, *passed, TableName=self.name, **parameters)

    def time(self) -> datetime | None:
        """Return the service's time, to the second; None: it tells none."""
        return self._service.time()

    def write(self, changes: list[dict[str, Any]], *passed: str) -> None:
        """Make several changes, all or none."""
        self._service.call("transact_write_items", *passed, TransactItems=changes)

    def key(self, kind: str, name: str) -> Item:
        """Return the keys of an item."""
        return Item(pk={"S": f"{self._prefix}#{kind}"}, sk={"S": name})

    def get(self, key: Item, *passed: str) -> Item | None:
        """Return an item; None: there is none."""
        answer = self.call("get_item", *passed, Key=key, ConsistentRead=True)
        return Item(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: list[Item]) -> list[Item]:
        """Return those of some items that are there."""
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
            contains: Only those which have a text in a set, each by its name.
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
    """Return the keys of the item that leads to rows, of this partition."""
    return Item(pk={"S": pk}, sk={"S": "ids"})


def ids_in(item: Item | None) -> frozenset[str]:
    """Return the ids that such an item holds; none where it is not there."""
    return frozenset(item["ids"]["SS"]) if item and "ids" in item else frozenset()


def absent() -> str:
    """Return the condition that there is no such item."""
    return "attribute_not_exists(pk)"


def condition(expression: str, **values: dict[str, Any]) -> dict[str, Any]:
    """Return a condition, with the values that it names."""
    named = {f":{name}": value for name, value in values.items()}
    return {"ConditionExpression": expression, "ExpressionAttributeValues": named}
