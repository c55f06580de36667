"""Addresses by which other processes learn about the sandbox and move its time; not Zoho's."""

from __future__ import annotations

import json
from collections.abc import Mapping

from evergrant.clock import to_epoch_ms
from evergrant.sandbox.calls import Calls
from evergrant.sandbox.clock import SandboxClock
from evergrant.sandbox.messages import Request, Response, json_response

__all__ = ["ROOT", "handle"]

ROOT = "/_sandbox/"


def handle(
    request: Request,
    clock: SandboxClock,
    calls: Calls,
    about: Mapping[str, object],
) -> Response:
    """Answer, below `ROOT`, ``GET info``, ``clock`` and ``calls``, and ``POST clock/advance``.

    Args:
        about: What ``info`` tells.
    """
    match request.method, request.path.removeprefix(ROOT):
        case "GET", "info":
            return json_response({**about, "missing": calls.missing()})
        case "GET", "clock":
            return _time(clock)
        case "POST", "clock/advance":
            try:
                clock.advance(seconds=float(json.loads(request.body)["seconds"]))
            except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
                return json_response({"error": 'send {"seconds": number}'}, 400)
            return _time(clock)
        case "GET", "calls":
            return _counted(calls, request.params)
    return json_response({"error": "no such address"}, 404)


def _time(clock: SandboxClock) -> Response:
    return json_response({"now": to_epoch_ms(clock.now())})


def _counted(calls: Calls, wanted: dict[str, str]) -> Response:
    keys = ("path", "grant_type", "user")
    matching = [
        {**dict(zip(keys, group, strict=True)), "count": number}
        for group, number in calls.counts().items()
        if all(wanted.get(key) in (None, value) for key, value in zip(keys, group, strict=True))
    ]
    return json_response(
        {"count": sum(int(row["count"] or 0) for row in matching), "calls": matching}
    )
