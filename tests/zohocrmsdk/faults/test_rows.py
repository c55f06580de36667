"""Which row a store finds and writes: faults 1 to 4, 6 and 7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sdk_process import SdkProcess
from sdk_stores import OFFICIAL_FILE, OUR_FILE, OUR_SQLITE, SAMPLE, sdk_token

Start = Callable[..., SdkProcess]

BOTH = {"alice", "bob"}


def users_of(sdk: SdkProcess) -> set[str]:
    return {token["user_name"].partition("@")[0] for token in sdk("get_tokens")}


@pytest.mark.parametrize(("store", "kept"), [(SAMPLE, 10), (OUR_FILE, 14), (OUR_SQLITE, 14)])
def test_the_eleventh_user_is_refused(start: Start, store: str, kept: int) -> None:
    sdk = start(store)
    users = [f"user{number}" for number in range(14)]
    for user in users:
        sdk.outcome("save_token", **sdk_token(user))
    assert users_of(sdk) == set(users[:kept])


@pytest.mark.parametrize(
    ("store", "stolen"), [(SAMPLE, "planted-refresh-alice"), (OUR_FILE, None), (OUR_SQLITE, None)]
)
def test_a_user_name_finds_somebody_elses_token(start: Start, store: str, stolen: Any) -> None:
    sdk = start(store)
    sdk("save_token", **sdk_token("alice"))
    found = sdk("find_token", user_name="zz' or '1'='1")
    assert (found and found["refresh_token"]) == stolen


@pytest.mark.parametrize(
    ("store", "found"),
    [
        (SAMPLE, ["SDKException", "OperationalError"]),
        (OUR_FILE, "planted-refresh-o'brien"),
        (OUR_SQLITE, "planted-refresh-o'brien"),
    ],
)
def test_a_quote_in_a_name_breaks_the_statement(start: Start, store: str, found: Any) -> None:
    sdk = start(store)
    sdk.outcome("save_token", **sdk_token("o'brien"))
    answer = sdk.outcome("find_token", user_name="o'brien@example.com:60001")
    assert (answer["refresh_token"] if isinstance(answer, dict) else answer) == found


@pytest.mark.parametrize(
    ("store", "left"),
    [(SAMPLE, set()), (OFFICIAL_FILE, BOTH), (OUR_FILE, BOTH), (OUR_SQLITE, BOTH)],
)
def test_one_id_deletes_every_row(start: Start, store: str, left: set[str]) -> None:
    sdk = start(store)
    for user in BOTH:
        sdk("save_token", **sdk_token(user))
    sdk.outcome("delete_token", token_id="1 or 1=1")
    assert users_of(sdk) == left


@pytest.mark.parametrize(
    "asked",
    [{}, {"id": "77"}, {"user_name": ""}, {"client_id": "c", "access_token": "a"}],
    ids=["nothing", "an id", "an empty name", "a client and an access token"],
)
@pytest.mark.parametrize(
    ("store", "found"),
    [
        (SAMPLE, "planted-refresh-alice"),
        (OFFICIAL_FILE, None),
        (OUR_FILE, None),
        (OUR_SQLITE, None),
    ],
)
def test_a_token_that_names_nobody_finds_the_first_row(
    start: Start, store: str, found: Any, asked: dict[str, str]
) -> None:
    sdk = start(store)
    sdk("save_token", **sdk_token("alice"))
    answer = sdk("find_token", **asked)
    assert (answer and answer["refresh_token"]) == found


@pytest.mark.parametrize(
    ("store", "kept"),
    [(SAMPLE, ["b"]), (OFFICIAL_FILE, ["b"]), (OUR_FILE, ["a", "b"]), (OUR_SQLITE, ["a", "b"])],
)
def test_a_user_of_another_client_is_overwritten(start: Start, store: str, kept: Any) -> None:
    sdk = start(store)
    for client in ("a", "b"):
        sdk("save_token", **sdk_token("alice", client_id=client, access_token=client))
    assert [token["client_id"] for token in sdk("get_tokens")] == kept


@pytest.mark.parametrize(
    ("store", "mixed"),
    [(SAMPLE, "of client a"), (OFFICIAL_FILE, "of client a"), (OUR_FILE, None), (OUR_SQLITE, None)],
)
def test_one_client_is_given_the_access_token_of_another(
    start: Start, store: str, mixed: Any
) -> None:
    sdk = start(store)
    sdk("save_token", **sdk_token("alice", client_id="a", access_token="of client a"))
    answer = sdk("find_token", user_name="alice@example.com:60001", client_id="b")
    assert (answer and answer["access_token"]) == mixed


@pytest.mark.parametrize(
    ("store", "answer"),
    [(SAMPLE, ["AttributeError"]), (OFFICIAL_FILE, None), (OUR_FILE, None), (OUR_SQLITE, None)],
)
def test_all_tokens_cannot_be_deleted(start: Start, store: str, answer: Any) -> None:
    sdk = start(store)
    sdk("save_token", **sdk_token("alice"))
    assert sdk.outcome("delete_tokens") == answer
    assert bool(users_of(sdk)) == bool(answer)


@pytest.mark.parametrize(
    ("store", "answer"),
    [(SAMPLE, ["OperationalError"]), (OFFICIAL_FILE, None), (OUR_FILE, None), (OUR_SQLITE, None)],
)
def test_an_id_that_is_no_number_cannot_be_deleted(start: Start, store: str, answer: Any) -> None:
    sdk = start(store)
    sdk("save_token", **sdk_token("alice", id="tenant7"))
    assert sdk.outcome("delete_token", token_id="tenant7") == answer


@pytest.mark.parametrize(
    ("store", "answer"),
    [
        (SAMPLE, ["SDKException", "LookupError"]),
        (OFFICIAL_FILE, ["SDKException"]),
        (OUR_FILE, None),
        (OUR_SQLITE, None),
    ],
)
def test_an_unknown_id_is_an_error_instead_of_nothing(
    start: Start, store: str, answer: Any
) -> None:
    assert start(store).outcome("find_token_by_id", token_id="77") == answer
