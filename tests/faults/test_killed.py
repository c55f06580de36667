"""A process dies, or never gets its store back: what Zoho granted it is there for the next."""

from __future__ import annotations

import signal
import stat
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pytest

from evergrant import Keeper
from evergrant.sandbox import Sandbox

ALICE, BOB = "alice@example.com", "bob@example.com"

Locked = Callable[[], AbstractContextManager[None]]
NewKeeper = Callable[[], Keeper]
Count = Callable[[], int]


class Start(Protocol):
    def __call__(self, **orders: object) -> subprocess.Popen[str]: ...


def kill_in_pause(process: subprocess.Popen[str], sign: signal.Signals) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "stopped\n"
    process.send_signal(sign)
    assert process.wait(30) != 0


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("pause", [1, 2])
def test_killed_while_it_tries_to_save_a_refresh(
    expired: Callable[[str], None],
    new_keeper: NewKeeper,
    locked: Locked,
    start: Start,
    asked: Count,
    boat: Path,
    pause: int,
    sign: signal.Signals,
) -> None:
    expired(ALICE)
    process = start(users=[ALICE], stop_at=pause)
    with locked():
        kill_in_pause(process, sign)
        assert [stat.S_IMODE(file.stat().st_mode) for file in boat.iterdir()] == [0o600]
    keeper = new_keeper()
    assert list(boat.iterdir()) == []
    assert keeper.access_token(ALICE) == keeper.store.get_tokens()[0].access_token
    assert asked() == 2


@pytest.mark.parametrize("pause", [1, 2, 3, 4])
def test_killed_while_it_tries_to_save_a_login(
    zoho: Sandbox,
    new_keeper: NewKeeper,
    locked: Locked,
    start: Start,
    asked: Count,
    boat: Path,
    pause: int,
) -> None:
    new_keeper()
    process = start(codes=[zoho.grant_code(ALICE)], stop_at=pause)
    with locked():
        kill_in_pause(process, signal.SIGKILL)
        assert len(list(boat.iterdir())) == 1
    keeper = new_keeper()
    (token,) = keeper.store.get_tokens()
    assert token.refresh_token
    # Whose it is was learnt after the first two pauses.
    assert bool(token.user_name) is (pause > 2)
    assert list(boat.iterdir()) == []
    assert asked() == 1


def test_a_process_that_runs_on_restores_what_a_killed_one_left(
    expired: Callable[[str], None],
    new_keeper: NewKeeper,
    locked: Locked,
    start: Start,
    asked: Count,
    boat: Path,
) -> None:
    expired(ALICE)
    running, process = new_keeper(), start(users=[ALICE], stop_at=1)
    with locked():
        kill_in_pause(process, signal.SIGKILL)
    assert running.access_token(ALICE) == running.store.get_tokens()[0].access_token
    assert asked() == 2
    assert list(boat.iterdir()) == []


def test_a_store_that_takes_nothing_for_as_long_as_the_process_lives(
    zoho: Sandbox,
    expired: Callable[[str], None],
    new_keeper: NewKeeper,
    locked: Locked,
    start: Start,
    asked: Count,
    boat: Path,
) -> None:
    expired(ALICE)
    process = start(codes=[zoho.grant_code(BOB)], users=[ALICE, ALICE, ALICE])
    with locked():
        told, _ = process.communicate("go\n", timeout=60)
        assert told.split() == ["TokenNotSaved", "TokenNotSaved", "saved", "saved"]
        assert process.returncode == 0
    keeper = new_keeper()
    assert all(keeper.access_token(user) for user in (ALICE, BOB))
    assert len(keeper.store.get_tokens()) == 2
    assert list(boat.iterdir()) == []
    assert asked() == 3
