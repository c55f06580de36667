"""Whom the SDK acts as, and whose token it revokes: faults 5, 20, 21, 27 and 29."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import NEWER, SdkProcess, grant_of, name_of
from tests.support.sdk.stores import OFFICIAL_FILE, OUR_SQLITE, OUR_TOKEN, SAMPLE

Start = Callable[..., SdkProcess]

ALICE, BOB = "alice@example.com", "bob@example.com"

IDENTITY = ["ZohoCRM.users.READ", "ZohoCRM.org.READ"]
REVOKE = "/oauth/v2/token/revoke"


def alive(zoho: Sandbox, sdk: SdkProcess, email: str) -> bool:
    sdk.outcome("switch", user_name=name_of(zoho, email))
    return bool(sdk.outcome("whoami") == email)


@pytest.mark.parametrize(
    ("store", "version", "answer", "dead", "left"),
    [
        (SAMPLE, "8_0", True, {ALICE}, {ALICE, BOB}),
        (OFFICIAL_FILE, "8_0", False, set(), {ALICE, BOB}),
        (OFFICIAL_FILE, "7_0", ["SDKException"], set(), {ALICE, BOB}),
        (OFFICIAL_FILE, "6_0", ["SDKException"], set(), {ALICE, BOB}),
        (OUR_SQLITE, "8_0", True, {BOB}, {ALICE, BOB}),
        (OUR_SQLITE, "7_0", ["SDKException"], set(), {ALICE, BOB}),
        (OUR_TOKEN, "8_0", True, {BOB}, {ALICE}),
        (OUR_TOKEN, "7_0", True, {BOB}, {ALICE}),
        (OUR_TOKEN, "6_0", True, {BOB}, {ALICE}),
    ],
)
def test_revoking_bob_revokes_alice_or_nobody(
    start: Start,
    zoho: Sandbox,
    store: str,
    version: str,
    answer: object,
    dead: set[str],
    left: set[str],
) -> None:
    sdk = start(store, version)
    for user in (ALICE, BOB):
        sdk.log_in(user)
    bob = sdk("current")["id"]
    assert sdk.outcome("revoke", token_id=bob) == answer
    assert zoho.calls.count(REVOKE) == len(dead)
    users = {token["user_name"].partition(":")[0] for token in sdk("get_tokens")}
    assert users == left
    other = start(store, version)
    other("initialize", user_name=name_of(zoho, ALICE))
    assert {user for user in left | dead if not alive(zoho, other, user)} == dead


@pytest.mark.parametrize("version", ["8_0", "7_0", "6_0"])
@pytest.mark.parametrize(
    ("store", "answer"),
    [(OFFICIAL_FILE, ["AttributeError"]), (OUR_SQLITE, ALICE), (OUR_TOKEN, ALICE)],
)
def test_a_listed_token_cannot_be_used(
    start: Start, zoho: Sandbox, store: str, version: str, answer: object
) -> None:
    sdk = start(store, version)
    sdk.log_in(ALICE)
    zoho.clock.advance(hours=1)
    assert sdk.outcome("use_stored", token_id=sdk("current")["id"]) == answer


@pytest.fixture
def both(start: Start, request: pytest.FixtureRequest) -> SdkProcess:
    """Return a process of Bob's in which Alice has a token too."""
    sdk = start(OUR_SQLITE, request.param)
    for user in (ALICE, BOB):
        sdk.log_in(user)
    return sdk


every_version = pytest.mark.parametrize("both", NEWER, indirect=True)


@every_version
@pytest.mark.parametrize(
    ("way", "answers"), [("switch_user", [ALICE, ALICE]), ("acting_as", [ALICE, BOB])]
)
def test_a_job_of_a_pool_goes_on_as_the_last_one(
    both: SdkProcess, zoho: Sandbox, way: str, answers: list[str]
) -> None:
    assert both("in_pool", way=way, users=[name_of(zoho, ALICE), None]) == answers


@every_version
@pytest.mark.parametrize(
    ("way", "answers"), [("switch_user", [BOB, BOB]), ("acting_as", [ALICE, BOB])]
)
def test_tasks_act_as_each_other(
    both: SdkProcess, zoho: Sandbox, way: str, answers: list[str]
) -> None:
    users = [name_of(zoho, user) for user in (ALICE, BOB)]
    assert both("in_tasks", way=way, users=users) == answers


@pytest.mark.parametrize(
    ("way", "version", "who"),
    [
        ("switch_user", "8_0", ["SDKException"]),
        ("switch_user", "7_0", BOB),
        ("acting_as", "8_0", BOB),
        ("acting_as", "7_0", BOB),
        ("acting_as", "6_0", BOB),
        ("acting_as", "5_0", BOB),
    ],
)
def test_a_switch_that_failed_leaves_nobody_in_place(
    start: Start, way: str, version: str, who: object
) -> None:
    sdk = start(OUR_SQLITE, version)
    sdk.log_in(BOB)
    nobody = "nobody@example.com:1"
    assert sdk.outcome("after_a_failure", way=way, user=nobody) == who
    assert sdk.outcome("whoami") == who


@pytest.mark.parametrize(
    ("way", "version", "apart"),
    [
        ("initialize", "8_0", False),
        ("initialize", "7_0", True),
        ("acting_as", "8_0", True),
        ("acting_as", "7_0", True),
    ],
)
def test_threads_that_initialise_for_two_users_both_act_as_one(
    start: Start, zoho: Sandbox, way: str, version: str, *, apart: bool
) -> None:
    sdk = start(OUR_SQLITE, version)
    for user in (ALICE, BOB):
        sdk.log_in(user)
    users = [name_of(zoho, user) for user in (ALICE, BOB)]
    answers = sdk("in_initialised_threads", way=way, users=users)
    assert (answers == [ALICE, BOB]) is apart


@pytest.mark.parametrize(
    ("version", "who"), [("8_0", ALICE), ("7_0", BOB), ("6_0", BOB), ("5_0", BOB)]
)
def test_a_thread_that_switched_stays_with_that_user_when_it_initialises_anew(
    start: Start, zoho: Sandbox, version: str, who: str
) -> None:
    sdk = start(OUR_SQLITE, version)
    sdk.log_in(ALICE)
    sdk("switch", user_name=name_of(zoho, ALICE))
    sdk.log_in(BOB)
    assert sdk("whoami") == who


@pytest.mark.parametrize(("named", "leaks"), [(True, False), (False, True)])
def test_half_of_the_refresh_token_of_a_nameless_user_is_the_name_of_a_file(
    start: Start, zoho: Sandbox, tmp_path: Path, *, named: bool, leaks: bool
) -> None:
    scopes = ["ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", *(IDENTITY if named else [])]
    sdk = start(OUR_SQLITE)
    grant = grant_of(zoho, ALICE) | {"grant_token": zoho.grant_code(ALICE, scopes)}
    sdk("initialize", **grant)
    sdk("records", module="Leads", fields="Last_Name")
    half = sdk("current")["refresh_token"][:-32]
    names = [b64decode(path.stem).decode() for path in (tmp_path / "resources").iterdir()]
    assert any(half in name for name in names) is leaks
