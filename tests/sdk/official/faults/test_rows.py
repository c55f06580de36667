"""Which row a store finds and writes: faults 1 to 4, 6 and 7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.sdk.process import SdkProcess
from tests.support.sdk.stores import (
    OFFICIAL_FILE,
    OFFICIAL_TABLE,
    OUR_FILE,
    OUR_MARIADB,
    OUR_SQLITE,
    SAMPLE,
    sdk_token,
)

BOTH = {"alice", "bob"}
TABLE_7 = (OFFICIAL_TABLE, "7_0")
"""Of the SDKs that build their statements from values: 5.0 to 7.0."""


def stores(official: dict[Any, Any], *, ours: Any) -> pytest.MarkDecorator:
    """Run a test with official stores, given with what becomes of them, and with our own.

    Args:
        official: By the name of a store, or its name and the version of the SDK.
    """
    cases = dict.fromkeys((OUR_FILE, OUR_SQLITE, OUR_MARIADB), ours)
    return pytest.mark.parametrize(
        ("store", "outcome"),
        [
            pytest.param(store if isinstance(store, tuple) else (store,), outcome, id=str(store))
            for store, outcome in (official | cases).items()
        ],
    )


@pytest.fixture
def sdk(start: Callable[..., SdkProcess], store: tuple[str, ...]) -> SdkProcess:
    return start(*store)


def users_of(sdk: SdkProcess) -> set[str]:
    return {token["user_name"].partition("@")[0] for token in sdk("get_tokens")}


def refresh_token_of(answer: Any) -> Any:
    return answer["refresh_token"] if isinstance(answer, dict) else answer


@stores({SAMPLE: 10, OFFICIAL_TABLE: 10}, ours=14)
def test_the_eleventh_user_is_refused(sdk: SdkProcess, outcome: int) -> None:
    users = [f"user{number}" for number in range(14)]
    for user in users:
        sdk.outcome("save_token", **sdk_token(user))
    assert users_of(sdk) == set(users[:outcome])


@stores({SAMPLE: "planted-refresh-alice", TABLE_7: "planted-refresh-alice"}, ours=None)
def test_a_user_name_finds_somebody_elses_token(sdk: SdkProcess, outcome: Any) -> None:
    sdk("save_token", **sdk_token("alice"))
    answer = sdk("find_token", user_name="zz' or '1'='1")
    assert refresh_token_of(answer) == outcome


@stores(
    {
        SAMPLE: ["SDKException", "OperationalError"],
        TABLE_7: ["SDKException", "ProgrammingError"],
    },
    ours="planted-refresh-o'brien",
)
def test_a_quote_in_a_name_breaks_the_statement(sdk: SdkProcess, outcome: Any) -> None:
    sdk.outcome("save_token", **sdk_token("o'brien"))
    answer = sdk.outcome("find_token", user_name="o'brien@example.com:60001")
    assert refresh_token_of(answer) == outcome


@stores({SAMPLE: set(), TABLE_7: set(), OFFICIAL_TABLE: BOTH, OFFICIAL_FILE: BOTH}, ours=BOTH)
def test_one_id_deletes_every_row(sdk: SdkProcess, outcome: set[str]) -> None:
    for user in BOTH:
        sdk("save_token", **sdk_token(user))
    sdk.outcome("delete_token", token_id="1 or 1=1")
    assert users_of(sdk) == outcome


@pytest.mark.parametrize(
    "asked",
    [{}, {"id": "77"}, {"user_name": ""}, {"client_id": "c", "access_token": "a"}],
    ids=["nothing", "an id", "an empty name", "a client and an access token"],
)
@stores(
    {
        SAMPLE: "planted-refresh-alice",
        TABLE_7: "planted-refresh-alice",
        OFFICIAL_TABLE: ["SDKException", "ProgrammingError"],
        OFFICIAL_FILE: None,
    },
    ours=None,
)
def test_a_token_that_names_nobody_finds_the_first_row(
    sdk: SdkProcess, outcome: Any, asked: dict[str, str]
) -> None:
    sdk("save_token", **sdk_token("alice"))
    assert refresh_token_of(sdk.outcome("find_token", **asked)) == outcome


@stores({SAMPLE: ["b"], OFFICIAL_TABLE: ["b"], OFFICIAL_FILE: ["b"]}, ours=["a", "b"])
def test_a_user_of_another_client_is_overwritten(sdk: SdkProcess, outcome: Any) -> None:
    for client in ("a", "b"):
        sdk("save_token", **sdk_token("alice", client_id=client, access_token=client))
    assert sorted(token["client_id"] for token in sdk("get_tokens")) == outcome


MIXED = "of client a"


@stores({SAMPLE: MIXED, OFFICIAL_TABLE: MIXED, OFFICIAL_FILE: MIXED}, ours=None)
def test_one_client_is_given_the_access_token_of_another(sdk: SdkProcess, outcome: Any) -> None:
    sdk("save_token", **sdk_token("alice", client_id="a", access_token=MIXED))
    answer = sdk("find_token", user_name="alice@example.com:60001", client_id="b")
    assert (answer and answer["access_token"]) == outcome


@stores({SAMPLE: ["AttributeError"], OFFICIAL_TABLE: None, OFFICIAL_FILE: None}, ours=None)
def test_all_tokens_cannot_be_deleted(sdk: SdkProcess, outcome: Any) -> None:
    sdk("save_token", **sdk_token("alice"))
    assert sdk.outcome("delete_tokens") == outcome
    assert bool(users_of(sdk)) == bool(outcome)


@stores({SAMPLE: ["OperationalError"], OFFICIAL_TABLE: None, OFFICIAL_FILE: None}, ours=None)
def test_an_id_that_is_no_number_cannot_be_deleted(sdk: SdkProcess, outcome: Any) -> None:
    sdk("save_token", **sdk_token("alice", id="tenant7"))
    assert sdk.outcome("delete_token", token_id="tenant7") == outcome


@stores(
    {
        SAMPLE: ["SDKException", "LookupError"],
        OFFICIAL_TABLE: ["SDKException"],
        OFFICIAL_FILE: ["SDKException"],
    },
    ours=None,
)
def test_an_unknown_id_is_an_error_instead_of_nothing(sdk: SdkProcess, outcome: Any) -> None:
    assert sdk.outcome("find_token_by_id", token_id="77") == outcome
