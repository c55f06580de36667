"""What Zoho granted and the store did not take waits in the lifeboat, and is not lost."""

from __future__ import annotations

import logging
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Token
from evergrant.errors import (
    MissingScope,
    StoreUnavailable,
    TokenNotSaved,
)
from evergrant.events import Event, Refreshed, Restored, SaveFailed
from evergrant.sandbox import Sandbox

LogIn = Callable[[str], Token]
Count = Callable[[], int]
Locked = Callable[[], AbstractContextManager[None]]

ALICE, BOB = "alice@example.com", "bob@example.com"


def files(boat: Path) -> list[Path]:
    return sorted(boat.glob("*.json"))


def test_a_refreshed_token_that_cannot_be_saved_is_in_the_lifeboat_and_in_use(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    locked: Locked,
    boat: Path,
    refreshes: Count,
    events: list[Event],
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(hours=1)
    with locked():
        with pytest.raises(TokenNotSaved) as caught:
            keeper.access_token(ALICE)
        assert [caught.value.lifeboat] == files(boat)
        assert (caught.value.token_id, caught.value.user) == (token.id, token.user_name)
        assert isinstance(caught.value.__cause__, StoreUnavailable)
        refreshed = keeper.access_token(ALICE)
        assert refreshed != token.access_token
        assert keeper.access_token(ALICE) == refreshed
        assert keeper.find(ALICE).access_token == refreshed
    assert refreshes() == 1
    assert [type(event) for event in events][1:] == [SaveFailed]


def test_the_lifeboat_is_its_owners_alone(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, locked: Locked, boat: Path
) -> None:
    log_in(ALICE)
    with locked(), pytest.raises(TokenNotSaved):
        keeper.refresh(ALICE)
    assert stat.S_IMODE(boat.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in boat.iterdir()} == {0o600}


def test_the_next_keeper_restores_the_token_and_needs_no_login(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    locked: Locked,
    boat: Path,
    new_keeper: Callable[[], Keeper],
    refreshes: Count,
    events: list[Event],
) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=1)
    with locked(), pytest.raises(TokenNotSaved):
        keeper.access_token(ALICE)
    again = new_keeper()
    assert files(boat) == []
    assert isinstance(events[-1], Restored)
    assert again.store.get_tokens()[0].access_token == again.access_token(ALICE)
    assert refreshes() == 1


def test_the_same_keeper_restores_it_when_the_store_is_well(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, locked: Locked, boat: Path, refreshes: Count
) -> None:
    log_in(ALICE)
    log_in(BOB)
    zoho.clock.advance(hours=1)
    with locked(), pytest.raises(TokenNotSaved):
        keeper.access_token(ALICE)
    keeper.access_token(BOB)
    assert files(boat) == []
    assert keeper.access_token(ALICE) == keeper.find(ALICE).access_token
    assert refreshes() == 2


@pytest.mark.parametrize("user", [None, ALICE, "tenant-7"])
def test_a_login_that_cannot_be_saved_needs_no_second_login(
    zoho: Sandbox,
    keeper: Keeper,
    locked: Locked,
    boat: Path,
    new_keeper: Callable[[], Keeper],
    user: str | None,
) -> None:
    keeper.store.get_tokens()
    with locked(), pytest.raises(TokenNotSaved) as caught:
        keeper.login_with_code(zoho.grant_code(ALICE), user)
    assert [caught.value.lifeboat] == files(boat)
    assert keeper.store.get_tokens() == []
    calls = zoho.calls.count(path="/oauth/v2/token")
    again = new_keeper()
    assert again.access_token(user or ALICE)
    assert len(again.store.get_tokens()) == 1
    assert files(boat) == []
    assert zoho.calls.count(path="/oauth/v2/token") == calls == 1


def test_the_same_keeper_restores_a_login_when_the_store_is_well(
    zoho: Sandbox, keeper: Keeper, locked: Locked, boat: Path
) -> None:
    keeper.store.get_tokens()
    with locked(), pytest.raises(TokenNotSaved):
        keeper.login_with_code(zoho.grant_code(ALICE))
    assert keeper.access_token(ALICE)
    assert files(boat) == []


def test_a_login_anew_that_cannot_be_saved_replaces_the_old_one_later(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, locked: Locked, new_keeper: Callable[[], Keeper]
) -> None:
    before = log_in(ALICE)
    zoho.revoke(ALICE)
    zoho.clock.advance(hours=1)
    with locked(), pytest.raises(TokenNotSaved):
        log_in(ALICE)
    again = new_keeper()
    assert again.token(ALICE).refresh_token != before.refresh_token
    assert again.refresh(ALICE).id == before.id
    assert len(again.store.get_tokens()) == 1


def test_a_login_that_can_neither_be_saved_nor_named_is_not_lost(
    zoho: Sandbox, keeper: Keeper, locked: Locked, new_keeper: Callable[[], Keeper]
) -> None:
    keeper.store.get_tokens()
    with locked(), pytest.raises(TokenNotSaved):
        keeper.login_with_code(zoho.grant_code(ALICE, scopes="ZohoCRM.modules.ALL"))
    (token,) = new_keeper().store.get_tokens()
    assert token.user_name is None
    assert token.refresh_token


@pytest.mark.parametrize("damage", [b"", b"[[1,2]]", b'[["1","al'])
def test_a_damaged_lifeboat_is_said_so_and_left_as_it_is(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    boat: Path,
    new_keeper: Callable[[], Keeper],
    caplog: pytest.LogCaptureFixture,
    locked: Locked,
    damage: bytes,
) -> None:
    log_in(ALICE)
    with locked(), pytest.raises(TokenNotSaved):
        keeper.refresh(ALICE)
    (path,) = files(boat)
    path.write_bytes(damage)
    caplog.clear()
    again = new_keeper()
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert f"the lifeboat {path} cannot be used: it is damaged" in record.getMessage()
    assert again.access_token(ALICE)
    assert path.read_bytes() == damage


def test_a_token_deleted_while_it_waits_in_the_lifeboat_does_not_come_back(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    locked: Locked,
    boat: Path,
    new_keeper: Callable[[], Keeper],
) -> None:
    token = log_in(ALICE)
    with locked(), pytest.raises(TokenNotSaved):
        keeper.refresh(ALICE)
    keeper.store.delete_token(token.id or "")
    assert new_keeper().store.get_tokens() == []
    assert files(boat) == []


def test_a_store_that_is_down_during_a_login_costs_no_grant(
    zoho: Sandbox, keeper: Keeper, down: Callable[[], None], boat: Path
) -> None:
    down()
    for user in (None, "tenant-7"):
        with pytest.raises(TokenNotSaved):
            keeper.login_with_code(zoho.grant_code(ALICE), user)
    rows = "".join(file.read_text() for file in files(boat))
    assert ALICE in rows
    assert "tenant-7" in rows


def test_a_lifeboat_of_another_app_is_not_touched(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, boat: Path, accounts: Accounts, tmp_path: Path
) -> None:
    log_in(ALICE)
    boat.mkdir()
    other = boat / "lifeboat-000000000000.json"
    other.write_text("not ours")
    Keeper(keeper.store, accounts, lifeboat=boat).refresh(ALICE)
    assert other.read_text() == "not ours"


def test_the_missing_scope_of_a_saved_grant_is_no_save_failure(
    zoho: Sandbox, keeper: Keeper, events: list[Event]
) -> None:
    with pytest.raises(MissingScope):
        keeper.login_with_code(zoho.grant_code(ALICE, scopes="ZohoCRM.modules.ALL"))
    assert not [event for event in events if isinstance(event, SaveFailed | Refreshed)]


def test_a_token_whose_row_became_somebody_elses_is_not_handed_to_them(
    keeper: Keeper, log_in: LogIn, locked: Locked, boat: Path
) -> None:
    token = log_in(ALICE)
    with locked(), pytest.raises(TokenNotSaved):
        keeper.refresh(ALICE)
    keeper.store.delete_token(token.id or "")
    bob = keeper.store.save_token(
        replace(token, user_name="bob@example.com:1", org_id="1", version=0)
    )
    with locked():
        assert keeper.find(BOB) == keeper.token(BOB) == bob
    assert keeper.find(BOB) == bob
    assert files(boat) == []
