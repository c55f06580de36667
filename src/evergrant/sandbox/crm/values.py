"""Which values a field takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.fields import Field
from evergrant.sandbox.crm.tables import table
from evergrant.sandbox.crm.times import parse
from evergrant.sandbox.crm.users import reference, user_with_id

__all__ = ["BadValueError", "accept", "is_date"]

_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
_LOOKUPS = ("lookup", "ownerlookup")
_NAMES = {"currency": "double", "percent": "double", "picklist": "text", "textarea": "text"}
"""How an error names a type, where the metadata has a finer name."""

_NOT_TEXT: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "currency": (int, float),
    "double": (int, float),
    "percent": (int, float),
    "integer": (int,),
}


class BadValueError(ValueError):
    """A value that its field does not take; ``details`` says so in Zoho's words."""

    def __init__(self, **details: Any) -> None:
        super().__init__(str(details))
        self.details = details


def accept(context: CrmContext, field: Field, value: Any) -> Any:
    """Return a value as the record keeps it.

    Raises:
        BadValueError: It is of another type, or too long.
    """
    if field.data_type in _LOOKUPS:
        return _point(context, field, value)
    if field.data_type in ("jsonobject", "jsonarray"):
        return value
    if not _fits(field.data_type, value):
        raise BadValueError(expected_data_type=_NAMES.get(field.data_type, field.data_type))
    written = str(abs(value)) if field.data_type == "integer" else value
    if isinstance(written, str) and len(written) > field.length:
        raise BadValueError(maximum_length=field.length)
    return value


def _fits(data_type: str, value: Any) -> bool:
    if data_type in _NOT_TEXT:
        # In Python a bool is an int too.
        is_bool = isinstance(value, bool)
        return isinstance(value, _NOT_TEXT[data_type]) and is_bool is (data_type == "boolean")
    shape = _SHAPES.get(data_type)
    return isinstance(value, str) and (shape is None or shape(value))


def is_date(text: str) -> bool:
    """Return True if a text is a day, ``YYYY-MM-DD``."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_SHAPES: dict[str, Callable[[str], bool]] = {
    "bigint": str.isdigit,
    "datetime": lambda text: parse(text) is not None,
    "date": is_date,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
}


def _point(context: CrmContext, field: Field, value: Any) -> dict[str, str]:
    wanted = value.get("id") if isinstance(value, dict) else value
    if not isinstance(wanted, str | int) or isinstance(wanted, bool):
        raise BadValueError(expected_data_type="jsonobject")
    if field.lookup is None:
        user = user_with_id(context, str(wanted))
        if user is not None:
            return reference(context.org, user, email=True)
    else:
        row = table(context.org, field.lookup).get(str(wanted))
        if row is not None:
            return {"name": row.get(context.schema[field.lookup].display), "id": row["id"]}
    raise BadValueError
