"""A store that fails, or changes under us: nobody else is harmed, nothing comes back to life."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from evergrant import Accounts, Keeper, Token
from evergrant.errors import (
    AccountsUnavailable,
    CorruptRecord,
    StoreUnavailable,
    TokenNotFound,
    TokenNotSaved,
)
from evergrant.events import Event, StoreFailed
from evergrant.sandbox import Sandbox

LogIn = Callable[[str], Token]
Count = Callable[[], int]
Locked = Callable[[], AbstractContextManager[None]]

ALICE, BOB = "alice@example.com", "bob@example.com"


def test_a_token_deleted_during_its_refresh_does_not_come_back(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, boat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=1)
    real = keeper.accounts.refresh

    def refresh(token: Token, **options: Any) -> Token:
        granted = real(token, **options)
        keeper.forget(ALICE)
        return granted

    monkeypatch.setattr(keeper.accounts, "refresh", refresh)
    with pytest.raises(TokenNotFound):
        keeper.access_token(ALICE)
    assert keeper.store.get_tokens() == []
    assert list(boat.glob("*.json")) == []


def test_a_store_that_is_down_does_not_stop_who_has_a_token(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    down: Callable[[], None],
    events: list[Event],
) -> None:
    log_in(ALICE)
    log_in(BOB)
    token = keeper.access_token(ALICE)
    down()
    assert keeper.access_token(ALICE) == token
    assert isinstance(events[-1], StoreFailed)
    assert events[-1].user == keeper.token(ALICE).user_name
    with pytest.raises(StoreUnavailable):
        keeper.access_token(BOB)
    zoho.clock.advance(hours=1)
    with pytest.raises(StoreUnavailable):
        keeper.access_token(ALICE)


def test_a_deleted_token_is_not_served_when_the_store_goes_down(
    keeper: Keeper, log_in: LogIn, new_keeper: Callable[[], Keeper], down: Callable[[], None]
) -> None:
    log_in(ALICE)
    keeper.access_token(ALICE)
    new_keeper().forget(ALICE)
    with pytest.raises(TokenNotFound):
        keeper.access_token(ALICE)
    down()
    with pytest.raises(StoreUnavailable):
        keeper.access_token(ALICE)


def test_a_corrupt_row_of_bob_does_not_harm_alice(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, sql: Callable[[str], None]
) -> None:
    log_in(ALICE)
    bob = log_in(BOB)
    sql(f"UPDATE oauthtoken SET expiry_time = 'soon' WHERE id = '{bob.id}'")
    assert keeper.access_token(ALICE)
    keeper.refresh(ALICE)
    with pytest.raises(CorruptRecord) as caught:
        keeper.access_token(BOB)
    assert caught.value.token_id == bob.id
    assert len(keeper.store.get_tokens()) == 1


@pytest.mark.parametrize("user", [None, BOB, "tenant-7"])
def test_a_login_of_who_has_a_corrupt_row_is_not_lost(
    zoho: Sandbox,
    keeper: Keeper,
    sql: Callable[[str], None],
    boat: Path,
    new_keeper: Callable[[], Keeper],
    user: str | None,
) -> None:
    bob = keeper.login_with_code(zoho.grant_code(BOB), user)
    sql("UPDATE oauthtoken SET expiry_time = 'soon'")
    with pytest.raises(TokenNotSaved, match=f"row {bob.id}"):
        keeper.login_with_code(zoho.grant_code(BOB), user)
    sql("DELETE FROM oauthtoken WHERE expiry_time = 'soon'")
    again = new_keeper().token(user or BOB)
    assert again.refresh_token != bob.refresh_token
    assert list(boat.glob("*.json")) == []


def test_a_refresh_in_an_event_listener_neither_hangs_nor_storms(
    zoho: Sandbox, accounts: Accounts, keeper: Keeper, log_in: LogIn, refreshes: Count, boat: Path
) -> None:
    token = log_in(ALICE)
    got: list[str] = []

    def listener(event: Event) -> None:
        got.append(curious.access_token(ALICE))

    curious = Keeper(keeper.store, accounts, on_event=listener, lifeboat=boat)
    zoho.clock.advance(hours=1)
    refreshed = curious.access_token(ALICE)
    assert got == [refreshed] != [token.access_token]
    zoho.clock.advance(hours=1)
    zoho.faults.html(times=None)
    with pytest.raises(AccountsUnavailable, match="a web page"):
        curious.access_token(ALICE)
    assert refreshes() == 4
