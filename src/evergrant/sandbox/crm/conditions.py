"""Conditions on records, shared by search and COQL: what a field's values compare as."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from evergrant.sandbox.crm.fields import Field
from evergrant.sandbox.crm.times import parse

__all__ = ["COMPARED", "Condition", "condition", "literal", "own"]

Condition = Callable[[dict[str, Any]], bool]

COMPARED = ("equals", "not_equal", "greater_than", "greater_equal", "less_than", "less_equal")
"""The operators with one value that any ordered type has."""

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq,
    "not_equal": operator.ne,
    "greater_than": operator.gt,
    "greater_equal": operator.ge,
    "less_than": operator.lt,
    "less_equal": operator.le,
    "starts_with": lambda have, start: have.startswith(start),
    "contains": lambda have, part: part in have,
    "like": lambda have, pattern: _like(pattern).fullmatch(have) is not None,
    "not_like": lambda have, pattern: _like(pattern).fullmatch(have) is None,
}


def condition(field: Field, name: str, values: Sequence[Any]) -> Condition:
    """Return a condition; a record without a value meets none of them but ``is_null``.

    Args:
        name: The operator.
        values: What `literal` made of the operands.
    """
    if name in ("is_null", "is_not_null"):
        return lambda row: (own(field, row) is None) is (name == "is_null")
    return lambda row: (have := own(field, row)) is not None and _meets(name, have, values)


def literal(field: Field, text: str) -> Any:
    """Return what an operand compares as.

    Raises:
        ValueError: The field's type has no such value.
    """
    kind = field.data_type
    if kind in ("integer", "bigint"):
        return int(text)
    if kind in ("currency", "double", "percent"):
        return float(text)
    if kind == "boolean":
        return {"true": True, "false": False}[text.casefold()]
    if kind == "date":
        return date.fromisoformat(text)
    if kind == "datetime":
        moment = parse(text)
        if moment is None:
            raise ValueError(text)
        return moment
    return text.casefold()


def own(field: Field, row: dict[str, Any]) -> Any:
    """Return what a record's value compares as; None where it has none."""
    value = row.get(field.api_name)
    if isinstance(value, dict):
        value = value.get("id")
    return None if value is None or value == "" else literal(field, str(value))


def _meets(name: str, have: Any, values: Sequence[Any]) -> bool:
    if name in ("in", "not_in"):
        return (have in values) is (name == "in")
    if name in ("between", "not_between"):
        return (values[0] <= have <= values[1]) is (name == "between")
    return _ORDER[name](have, values[0])


def _like(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("%")), re.DOTALL)
