"""What happens to the file that a store keeps: faults 8 to 13."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sdk.process import NEWER, Refused, SdkProcess
from tests.support.sdk.stores import (
    OFFICIAL_FILE,
    OFFICIAL_TABLE,
    OUR_FILE,
    OUR_MARIADB,
    OUR_SQLITE,
    SAMPLE,
    sdk_token,
)
from tests.support.servers.databases import Database

Start = Callable[..., SdkProcess]

BOTH, NAME = {"alice", "bob"}, "alice@example.com:60001"


def users_of(sdk: SdkProcess) -> set[str]:
    return {token["user_name"].partition("@")[0] for token in sdk("get_tokens")}


def left_of(sdk: SdkProcess) -> set[str] | None:
    """Name the users that are left; ``None``, if two writers have damaged the file."""
    try:
        return users_of(sdk)
    except Refused:
        return None


@pytest.mark.parametrize(
    ("store", "left"), [(OFFICIAL_FILE, set()), (OUR_FILE, BOTH), (OUR_SQLITE, BOTH)]
)
def test_killed_while_saving_it_loses_everybody(start: Start, store: str, left: set[str]) -> None:
    sdk = start(store)
    for who in BOTH:
        sdk("save_token", **sdk_token(who))
    sdk("die_when_writing")
    assert sdk.dies("save_token", **sdk_token("carol"))
    assert users_of(start(store)) == left


@pytest.mark.parametrize(
    ("store", "rounds", "all_kept"),
    [(OFFICIAL_FILE, 50, False), (OUR_FILE, 2, True), (OUR_SQLITE, 2, True)],
)
def test_of_what_two_processes_save_most_is_lost(
    start: Start, store: str, rounds: int, *, all_kept: bool
) -> None:
    both = [start(store) for _ in range(2)]
    saved: set[str] = set()
    for number in range(rounds):
        for index, sdk in enumerate(both):
            users = [f"user{number}-{index}-{count}" for count in range(25)]
            saved.update(users)
            sdk.begin("save_tokens", tokens=[sdk_token(who) for who in users])
        refused = sum(sdk.end() for sdk in both)
        if refused or left_of(both[0]) != saved:
            assert not all_kept
            return
    assert all_kept


@pytest.mark.parametrize(
    ("store", "rounds", "found"),
    [(OFFICIAL_FILE, 50, False), (OUR_FILE, 1, True), (OUR_SQLITE, 1, True)],
)
def test_a_reader_beside_a_writer_finds_nobody(
    start: Start, store: str, rounds: int, *, found: bool
) -> None:
    sdk, alice = start(store), sdk_token("alice")
    sdk("save_token", **alice)
    always = all(sdk("missed", times=50, **alice) == 0 for _ in range(rounds))
    assert always is found


@pytest.mark.parametrize(
    ("store", "times"), [(SAMPLE, 10), (OFFICIAL_FILE, 10), (OUR_FILE, 0), (OUR_SQLITE, 0)]
)
def test_each_question_opens_it_again(start: Start, store: str, times: int) -> None:
    sdk = start(store)
    sdk("save_token", **sdk_token("alice"))
    sdk("find_token", user_name=NAME)
    assert sdk("opened", times=10, user_name=NAME) == times


@pytest.mark.parametrize(("store", "times"), [(OFFICIAL_TABLE, 10), (OUR_MARIADB, 0)])
def test_each_question_connects_anew(
    start: Start, mariadb: Database, store: str, times: int
) -> None:
    def connections() -> int:
        ((_, number),) = mariadb.execute("SHOW GLOBAL STATUS LIKE 'Connections'")
        return int(number)

    sdk = start(store)
    sdk("save_token", **sdk_token("alice"))
    sdk("find_token", user_name=NAME)
    before = connections()
    for _ in range(10):
        sdk("find_token", user_name=NAME)
    asking = 1  # how often it was connected
    assert connections() - before == times + asking


@pytest.mark.parametrize(
    ("store", "mode"),
    [(SAMPLE, 0o644), (OFFICIAL_FILE, 0o644), (OUR_FILE, 0o600), (OUR_SQLITE, 0o600)],
)
def test_others_can_read_the_secrets(start: Start, tmp_path: Path, store: str, mode: int) -> None:
    start(store)("save_token", **sdk_token("alice"))
    files = [path for path in tmp_path.iterdir() if not path.name.startswith("output-")]
    assert {path.stat().st_mode & 0o777 for path in files if path.is_file()} == {mode}


@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize(
    ("store", "answer", "users"),
    [(OFFICIAL_FILE, ["ValueError"], {"alice"}), (OUR_FILE, "1", {"alice", "bob"})],
)
def test_beside_users_of_the_sdk_2_nobody_else_can_log_in(
    start: Start, store: str, version: str, answer: object, users: set[str]
) -> None:
    older = start(OFFICIAL_FILE, "2_1")
    older.log_in("alice@example.com")
    assert older("whoami") == "alice@example.com"
    sdk = start(store, version)
    assert sdk.outcome("save_token", **sdk_token("bob")) == answer
    assert users_of(sdk) == users
