"""One call under way: the request, whom it is made for, and what it costs."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.errors import CrmError, invalid_data
from evergrant.sandbox.wire import Request

__all__ = ["Call"]


class Call:
    """What every handler is given.

    Attributes:
        cost: The credits that the call takes: none if it is turned away at the door, else one,
            or more where a handler says so.
    """

    def __init__(self, context: CrmContext, request: Request) -> None:
        self.context = context
        self.request = request
        self.params = request.params
        self.cost = 0

    @cached_property
    def body(self) -> dict[str, Any]:
        """The JSON object sent, whatever Content-Type says: the official SDK sends none.

        Raises:
            CrmError: It is no JSON object.
        """
        try:
            body = json.loads(self.request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise CrmError(400, "INVALID_DATA", "body", {"expected_data_type": "jsonobject"})
        return body

    def whole(self, name: str, default: int, *, most: int | None = None) -> int:
        """Return a query parameter that is a whole number from 1 on.

        Raises:
            CrmError: It is none, or more than ``most``.
        """
        text = self.params.get(name, str(default))
        if not (text.isascii() and text.isdigit() and int(text)):
            message = "Please check whether the input values are correct"
            raise CrmError(400, "PATTERN_NOT_MATCHED", message, {"param_name": name})
        if most is not None and int(text) > most:
            raise invalid_data(name)
        return int(text)

    def choice(self, name: str, *allowed: str) -> str:
        """Return a query parameter with a closed list of values, the first being the default.

        Raises:
            CrmError: It is none of them.
        """
        value = self.params.get(name, allowed[0])
        if value not in allowed:
            raise invalid_data(name, allowed)
        return value
