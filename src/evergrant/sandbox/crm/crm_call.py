"""One call under way: the request, whom it is made for, and what it costs."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.errors import CrmError, invalid_data, not_in_sandbox
from evergrant.sandbox.messages import Request

__all__ = ["CrmCall", "only"]


class CrmCall:
    """What every handler is given.

    Attributes:
        cost: The credits that the call takes: none if it is turned away at the door, else one,
            or more where a handler says so.
        missing: What the call asked for that the sandbox does not have, and goes on without.
    """

    def __init__(self, context: CrmContext, request: Request) -> None:
        self.context = context
        self.request = request
        self.params = request.params
        self.cost = 0
        self.missing: list[str] = []

    def lack(self, what: str) -> None:
        """Note what the sandbox does not have.

        Raises:
            CrmError: The sandbox is strict.
        """
        if self.context.strict:
            raise not_in_sandbox(what)
        self.missing.append(what)

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
            CrmError: It is not one of them.
        """
        value = self.params.get(name, allowed[0])
        if value not in allowed:
            raise invalid_data(name, allowed)
        return value


def only(call: CrmCall, thing: dict[str, Any], *always: str) -> dict[str, Any]:
    """Return the properties that the parameter ``fields`` asks for, and those of ``always``.

    Raises:
        CrmError: One is asked for that the sandbox does not have, and it is strict.
    """
    if "fields" not in call.params:
        return thing
    wanted = [name.strip() for name in call.params["fields"].split(",")]
    for name in wanted:
        if name not in thing:
            call.lack(f"property {name}")
    return {name: value for name, value in thing.items() if name in (*wanted, *always)}
