"""Why a token is refreshed, as events and the audit log say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from evergrant.keeping.need import Need
from evergrant.token import Token

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIVE = Token(access_token="a", expires_at=NOON + timedelta(hours=1))
OVER = Token(access_token="a", expires_at=NOON - timedelta(hours=1))


@pytest.mark.parametrize(
    ("need", "token", "cause"),
    [
        (Need(other_than="a"), LIVE, "rejected"),
        (Need(other_than="a", is_asked=True), LIVE, "asked"),
        (Need(other_than="b"), LIVE, "ahead"),
        (Need(), LIVE, "ahead"),
        (Need(), OVER, "expired"),
        (Need(is_use=False), OVER, "kept fresh"),
    ],
)
def test_the_cause_is_what_its_caller_needs(need: Need, token: Token, cause: str) -> None:
    assert need.cause(token, NOON) == cause
