"""How the sandbox says that it lacks something that Zoho has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from evergrant.sandbox.messages import Response

__all__ = ["HEADER", "NOT_IMPLEMENTED", "marked"]

HEADER = "X-Sandbox-Missing"
"""Zoho sends no such header: it tells the sandbox's gaps from Zoho's refusals."""

NOT_IMPLEMENTED = 501
"""The status of what is refused for the sandbox's sake alone; Zoho has no use for it."""

_LONGEST = 500


def marked(response: Response, missing: Iterable[str]) -> Response:
    """Return the answer with the header that names what is missing; as it is if nothing is."""
    text = "; ".join(dict.fromkeys(missing))
    if not text:
        return response
    # It may name what a request said: nothing of that may begin a header of its own.
    plain = "".join(c if " " <= c <= "~" else "?" for c in text)[:_LONGEST]
    return replace(response, headers={**response.headers, HEADER: plain})
