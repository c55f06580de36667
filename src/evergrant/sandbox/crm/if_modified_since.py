"""If-Modified-Since and If-Unmodified-Since, which Zoho reads as ISO-8601, not as HTTP dates."""

from __future__ import annotations

from datetime import datetime

from evergrant.sandbox.crm.crm_call import CrmCall
from evergrant.sandbox.crm.errors import CrmError
from evergrant.sandbox.crm.times import parse

__all__ = ["header_time", "unmodified"]


def header_time(call: CrmCall, name: str) -> datetime | None:
    """Return the moment that a header names; None without the header.

    Raises:
        CrmError: It is no ISO-8601 moment with an offset.
    """
    text = call.request.headers.get(name.lower())
    if text is None:
        return None
    moment = parse(text.strip())
    if moment is None:
        message = (
            "unable to process your request. please verify whether you have entered proper "
            "method name, parameter and parameter values."
        )
        raise CrmError(400, "INVALID_REQUEST", message)
    return moment


def unmodified(call: CrmCall, changed: datetime | None) -> bool:
    """Return True if a thing is unchanged since If-Modified-Since; ``changed`` may be None."""
    since = header_time(call, "If-Modified-Since")
    return since is not None and (changed is None or changed <= since)
