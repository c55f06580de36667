"""Why a token is refreshed, as events and the audit log say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from evergrant._core.requirement import Requirement
from evergrant.token import Token

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIVE = Token(access_token="a", expires_at=NOON + timedelta(hours=1))
OVER = Token(access_token="a", expires_at=NOON - timedelta(hours=1))


@pytest.mark.parametrize(
    ("requirement", "token", "cause"),
    [
        (Requirement(not_this="a"), LIVE, "rejected"),
        (Requirement(not_this="a", is_asked=True), LIVE, "asked"),
        (Requirement(not_this="b"), LIVE, "ahead"),
        (Requirement(), LIVE, "ahead"),
        (Requirement(), OVER, "expired"),
        (Requirement(for_use=False), OVER, "kept fresh"),
    ],
)
def test_the_cause_is_what_its_caller_needs(
    requirement: Requirement, token: Token, cause: str
) -> None:
    assert requirement.refresh_cause(token, NOON) == cause
