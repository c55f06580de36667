"""API credits: what an org's calls have used up in the last 24 hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.errors import CrmError
from evergrant.sandbox.crm.tables import table
from evergrant.sandbox.messages import Response

__all__ = ["check", "spend"]

_LEDGER = "$credits"
_DAY = timedelta(hours=24)


def check(context: CrmContext) -> None:
    """Refuse the call when nothing is left.

    Raises:
        CrmError: TOO_MANY_REQUESTS (status-codes.html; its text on the wire is not documented).
    """
    if _used(context) >= context.settings.credits_per_day:
        message = "too many requests. please try again after some time"
        raise CrmError(429, "TOO_MANY_REQUESTS", message)


def spend(context: CrmContext, response: Response, cost: int) -> Response:
    """Book what a call cost, and tell what is left once Zoho would (api-limits.html)."""
    hours = table(context.org, _LEDGER)
    hour = hours.setdefault(f"{context.now:%Y-%m-%dT%H:00:00%z}", {"spent": 0})
    hour["spent"] += cost
    limit, used = context.settings.credits_per_day, _used(context)
    if used < limit * context.settings.credits_header_from:
        return response
    left = {"X-API-CREDITS-REMAINING": str(max(limit - used, 0))}
    return replace(response, headers={**response.headers, **left})


def _used(context: CrmContext) -> int:
    hours = table(context.org, _LEDGER)
    for hour in [hour for hour in hours if not _recent(hour, context.now)]:
        del hours[hour]
    return sum(_spent(entry) for entry in hours.values())


def _recent(hour: str, now: datetime) -> bool:
    return datetime.fromisoformat(hour) > now - _DAY


def _spent(entry: dict[str, Any]) -> int:
    return int(entry["spent"])
