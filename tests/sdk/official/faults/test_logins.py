"""What becomes of a login: faults 14, 22, 24, 25 and 30."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import NEWER, Refused, SdkProcess, grant_of
from tests.support.sdk.stores import NOTHING, OFFICIAL_FILE, OUR_SQLITE, OUR_TOKEN, SAMPLE

Start = Callable[..., SdkProcess]

ALICE = "alice@example.com"
TOKEN = "/oauth/v2/token"

FULL = "CREATE TRIGGER full BEFORE INSERT ON oauthtoken BEGIN SELECT RAISE(FAIL, 'full'); END"
NOT_SAVED = ["SDKException", "TokenNotSaved", "StoreUnavailable"]
LOGGED_OUT = ["SDKException", "TokenNotFound"]


def execute(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "zohooauth.db", isolation_level=None)) as database:
        database.execute(statement)


@pytest.mark.parametrize("version", ["8_0", "7_0", "6_0"])
@pytest.mark.parametrize(
    ("store", "told", "who", "exchanges"),
    [
        (SAMPLE, None, ["SDKException"], 3),
        (OUR_SQLITE, NOT_SAVED, ALICE, 1),
        (OUR_TOKEN, NOT_SAVED, ALICE, 1),
    ],
)
def test_a_login_that_cannot_be_saved_is_lost_in_silence(
    start: Start,
    zoho: Sandbox,
    tmp_path: Path,
    store: str,
    version: str,
    told: object,
    who: object,
    exchanges: int,
) -> None:
    grant = grant_of(zoho, ALICE)
    first = start(store, version)
    execute(tmp_path, FULL)
    assert first.outcome("initialize", **grant) == told
    execute(tmp_path, "DROP TRIGGER full")
    restarted = start(store, version)
    restarted.outcome("initialize", **grant)
    assert restarted.outcome("whoami") == who
    assert zoho.calls.count(TOKEN) == exchanges


@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize(
    ("store", "answer"),
    [(OFFICIAL_FILE, ["SDKException"]), (OUR_SQLITE, LOGGED_OUT), (OUR_TOKEN, LOGGED_OUT)],
)
def test_a_user_who_was_logged_out_elsewhere_is_not_told_or_comes_back(
    start: Start, zoho: Sandbox, store: str, version: str, answer: object
) -> None:
    sdk, other = start(store, version), start(store, version)
    sdk.log_in(ALICE)
    other("delete_tokens")
    assert sdk.outcome("whoami") == answer
    zoho.clock.advance(hours=1)
    assert sdk.outcome("whoami") == answer
    assert other("get_tokens") == []


@pytest.mark.parametrize(
    ("store", "version", "who"),
    [
        *((OFFICIAL_FILE, version, ["SDKException"]) for version in ("8_0", "7_0", "6_0")),
        *((OUR_SQLITE, version, ALICE) for version in ("8_0", "7_0", "6_0")),
        (OUR_SQLITE, "5_0", ["SDKException", "AttributeError"]),
        *((OUR_TOKEN, version, ALICE) for version in NEWER),
    ],
)
def test_a_first_login_under_an_id_of_ones_own_is_refused(
    start: Start, store: str, version: str, who: object
) -> None:
    sdk = start(store, version)
    with suppress(Refused):
        sdk.log_in(ALICE, id="tenant7")
    assert sdk.outcome("whoami") == who
    assert [token["id"] for token in sdk("get_tokens")] == (["tenant7"] if who == ALICE else [])


@pytest.mark.parametrize(("store", "asked"), [(OFFICIAL_FILE, 3), (OUR_SQLITE, 1), (OUR_TOKEN, 1)])
def test_whose_token_it_is_is_asked_again_each_hour(
    start: Start, zoho: Sandbox, store: str, asked: int
) -> None:
    scopes = ["ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL"]  # but not that of the question
    grant = grant_of(zoho, ALICE) | {"grant_token": zoho.grant_code(ALICE, scopes)}
    sdk = start(store)
    sdk("initialize", **grant)
    for _ in range(2):
        zoho.clock.advance(hours=1)
        sdk("records", module="Leads", fields="Last_Name")
    assert zoho.calls.count("/crm/v8/users") == asked


@pytest.mark.parametrize(
    ("store", "told"), [(OFFICIAL_FILE, False), (OUR_SQLITE, True), (OUR_TOKEN, True)]
)
def test_a_login_that_lasts_an_hour_is_not_told(
    start: Start, zoho: Sandbox, store: str, *, told: bool
) -> None:
    grant = grant_of(zoho, ALICE) | {"grant_token": zoho.grant_code(ALICE, offline=False)}
    sdk = start(store)
    sdk("initialize", **grant)
    assert ("no refresh token" in sdk.written) is told


@pytest.mark.parametrize(("store", "who"), [(NOTHING, ["SDKException"]), (OUR_SQLITE, ALICE)])
def test_a_program_that_is_started_in_another_folder_logs_in_again(
    start: Start, zoho: Sandbox, tmp_path: Path, store: str, who: object
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    grant = grant_of(zoho, ALICE)
    start(store)("initialize", **grant)
    sdk = start(store, folder=elsewhere)
    sdk.outcome("initialize", **grant)
    assert sdk.outcome("whoami") == who
