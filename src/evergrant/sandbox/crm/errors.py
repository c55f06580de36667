"""How CRM v8 words its refusals; the texts are those of https://github.com/zoho/crm-oas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evergrant.sandbox.messages import Response, json_response
from evergrant.sandbox.unsupported import NOT_IMPLEMENTED, marked

__all__ = [
    "CrmError",
    "ambiguous",
    "crm_error",
    "invalid_data",
    "invalid_module",
    "not_in_sandbox",
    "param_missing",
    "problem",
]

Details = Mapping[str, Any]


def problem(code: str, message: str, details: Details | None = None) -> dict[str, Any]:
    """Return the object that names one error: a whole body, or a result inside ``data``."""
    return {"code": code, "details": dict(details or {}), "message": message, "status": "error"}


def crm_error(status: int, code: str, message: str, details: Details | None = None) -> Response:
    """Answer a refused call."""
    return json_response(problem(code, message, details), status)


class CrmError(Exception):
    """Ends a call with a refusal.

    Args:
        in_data: Whether the refusal is answered as the only result of a write
            (``{"data": [error]}``), as Zoho does for whole writes that fail.
        missing: What Zoho has and the sandbox has not, if that is why; empty: Zoho refuses too.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Details | None = None,
        *,
        in_data: bool = False,
        missing: str = "",
    ) -> None:
        super().__init__(code)
        body = problem(code, message, details)
        answer = json_response({"data": [body]} if in_data else body, status)
        self.response = marked(answer, [missing])


def not_in_sandbox(missing: str) -> CrmError:
    """Refuse what Zoho has and the sandbox has not, in words that Zoho never uses."""
    message = f"The sandbox does not have this: {missing}"
    return CrmError(NOT_IMPLEMENTED, "NOT_IN_SANDBOX", message, missing=missing)


def invalid_module(name: str, details: Details, *, in_data: bool = False) -> CrmError:
    """Refuse a module that the sandbox does not have; Zoho may."""
    message = "the module name given seems to be invalid"
    missing = f"module {name} (declare it: add_module)"
    return CrmError(400, "INVALID_MODULE", message, details, in_data=in_data, missing=missing)


def invalid_data(param: str, supported: tuple[str, ...] = ()) -> CrmError:
    """Refuse the value of a query parameter."""
    details = {"param_name": param} | ({"supported_values": supported} if supported else {})
    return CrmError(400, "INVALID_DATA", "invalid data", details)


def param_missing(param: str) -> CrmError:
    """Refuse a call that lacks a query parameter."""
    message = "One of the expected parameter is missing"
    return CrmError(400, "REQUIRED_PARAM_MISSING", message, {"param_name": param})


def ambiguous(*params: str) -> CrmError:
    """Refuse parameters that exclude each other (get-records.html)."""
    named = [{"param_name": param} for param in params]
    message = f"You cannot use both {' and '.join(params)}"
    return CrmError(400, "AMBIGUITY_DURING_PROCESSING", message, {"ambiguity_due_to": named})
