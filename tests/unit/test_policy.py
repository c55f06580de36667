"""What a policy says, and how it is written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from evergrant import Policy
from evergrant.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("15m", timedelta(minutes=15)),
        ("45s", timedelta(seconds=45)),
        (90, timedelta(seconds=90)),
        (1, timedelta(seconds=1)),
    ],
)
def test_a_span_is_read_as_it_is_written(text: object, span: timedelta) -> None:
    assert Policy.from_table({"session_timeout": text}).session_timeout == span


def test_a_table_says_all_that_a_policy_can() -> None:
    table = {
        "session_timeout": "30d",
        "idle_timeout": "12h",
        "max_age": "90d",
        "dead_after": "1d",
        "max_tokens_per_user": 2,
        "max_tokens_per_client": 500,
        "allowed_scopes": ["ZohoCRM.modules.*"],
    }
    assert Policy.from_table(table) == Policy(
        session_timeout=timedelta(days=30),
        idle_timeout=timedelta(hours=12),
        max_age=timedelta(days=90),
        dead_after=timedelta(days=1),
        max_tokens_per_user=2,
        max_tokens_per_client=500,
        allowed_scopes=("ZohoCRM.modules.*",),
    )


@pytest.mark.parametrize(
    "table",
    [
        {"session_timeout": "12"},
        {"session_timeout": "1h30m"},
        {"session_timeout": "-1h"},
        {"session_timeout": "0h"},
        {"session_timeout": "٣h"},
        {"session_timeout": 0},
        {"session_timeout": True},
        {"session_timeout": 1.5},
        {"session_timeout": 10**12},
        {"session_timeout": 10**10},
        {"idle_timeout": "4m"},
        {"max_tokens_per_user": 0},
        {"max_tokens_per_user": "2"},
        {"max_tokens_per_client": True},
        {"allowed_scopes": "ZohoCRM.modules.ALL"},
        {"allowed_scopes": [1]},
        {"max_agee": "1d"},
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(table))):
        Policy.from_table(table)


def test_scopes_are_allowed_by_pattern_whatever_their_case() -> None:
    policy = Policy(allowed_scopes=("ZohoCRM.modules.*", "ZohoCRM.users.read"))
    asked = ["zohocrm.Modules.leads.READ", "ZohoCRM.users.READ", "ZohoCRM.settings.ALL"]
    assert policy.disallowed_scopes(asked) == ["ZohoCRM.settings.ALL"]
    assert Policy().disallowed_scopes(asked) == []


def test_a_policy_of_code_is_checked_as_well() -> None:
    with pytest.raises(ConfigError, match="max_age"):
        Policy(max_age=30)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="allowed_scopes"):
        Policy(allowed_scopes="ZohoCRM.modules.ALL")  # type: ignore[arg-type]
