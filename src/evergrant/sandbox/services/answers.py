"""What a service answers where it refuses a call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from evergrant.sandbox.messages import Response, html, json_response

__all__ = ["Answer", "Refusals", "refuse", "refuse_too_many", "with_org"]

Answer = tuple[int, Any]
"""A status, and a body: an object for JSON, a text for a page."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a service answers, by what is wrong.

    Attributes:
        no_token: No token came.
        bad_token: It has expired, was revoked, or is another data center's.
        no_scope: The grant does not cover the call.
        no_role: The user may not do that. The same as ``bad_token`` where Zoho tells no more.
        wrong_org: The org is not one of the user's, or not the grant's.
        not_found: The address is wrong.
        too_many: There were too many calls.
        no_org: No org is named, and the user has several; None where none needs to be named.
        retry_after_s: What the header Retry-After of ``too_many`` says, in seconds; None: no
            such header.
    """

    no_token: Answer
    bad_token: Answer
    no_scope: Answer
    no_role: Answer
    wrong_org: Answer
    not_found: Answer
    too_many: Answer
    no_org: Answer | None = None
    retry_after_s: int | None = None


def refuse(answer: Answer) -> Response:
    """Answer a refused call."""
    status, body = answer
    return html(body, status) if isinstance(body, str) else json_response(body, status)


def refuse_too_many(words: Refusals) -> Response:
    """Answer one call too many."""
    answer, wait = refuse(words.too_many), words.retry_after_s
    if wait is None:
        return answer
    return replace(answer, headers={**answer.headers, "Retry-After": str(wait)})


def with_org(answer: Answer, org: str) -> Answer:
    """Return an answer that names an org, where its text has a place for it."""
    status, body = answer
    if isinstance(body, str):
        return answer
    filled = {k: v.replace("{org}", org) if isinstance(v, str) else v for k, v in body.items()}
    return status, filled
