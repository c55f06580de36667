"""What a scheduler does with each token in a round, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant._core.manager import TokenManager
from evergrant._core.scheduler import RefreshScheduler
from evergrant.clock import utc_now
from evergrant.errors import EvergrantError, StoreUnavailable, TokenNotSaved
from evergrant.events import Event, RefreshFailed, Restored, SaveFailed
from evergrant.sandbox import Sandbox
from tests.support.keeper.idle import until_idle

LogIn = Callable[[str], Token]
Count = Callable[[], int]

ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture
def problems() -> list[EvergrantError]:
    return []


@pytest.fixture
def round_of(keeper: Keeper, problems: list[EvergrantError]) -> Callable[..., int]:
    """Go round once, and wait for what was begun."""

    def go(*users: str) -> int:
        begun = RefreshScheduler(keeper._manager, users, on_problem=problems.append).run_once()
        until_idle(keeper._manager)
        return begun

    return go


def test_a_store_that_fails_behind_a_refresh_is_told_of(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    round_of: Callable[..., int],
    events: list[Event],
    refreshes: Count,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("the disk is gone")

    log_in(ALICE)
    zoho.clock.advance(minutes=31)
    with monkeypatch.context() as patch:
        patch.setattr(keeper.store, "find_token_by_id", fail)
        assert round_of() == 1
    (failed,) = [event for event in events if isinstance(event, RefreshFailed)]
    assert (failed.user or "").startswith(ALICE)
    assert isinstance(failed.error, StoreUnavailable)
    assert refreshes() == 0


def test_a_deleted_token_is_not_told_as_a_failure(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, events: list[Event]
) -> None:
    stored = log_in(ALICE)
    zoho.clock.advance(minutes=57)
    keeper.store.delete_token(stored.id or "")
    assert keeper._manager.upkeep.schedule_refresh(stored)
    until_idle(keeper._manager)
    assert not [event for event in events if isinstance(event, RefreshFailed)]


def test_what_waits_in_the_lifeboat_is_saved_by_the_next_round(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    locked: Callable[[], AbstractContextManager[None]],
    round_of: Callable[..., int],
    events: list[Event],
) -> None:
    before = log_in(ALICE)
    zoho.clock.advance(hours=1)
    with locked(), pytest.raises(TokenNotSaved):
        keeper.access_token(ALICE)
    assert round_of() == 0, "the token in the lifeboat is fresh"
    assert [type(event) for event in events[-2:]] == [SaveFailed, Restored]
    (stored,) = keeper.store.get_tokens()
    assert stored.access_token != before.access_token


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"refresh_token": None, "api_domain": None}, "no refresh token"),
        ({"api_domain": "http://127.0.0.1:9"}, "not an API server of Zoho"),
        ({"client_id": None}, "no client id"),
    ],
)
def test_what_cannot_be_refreshed_here_is_told_of_who_is_named_and_else_left_alone(
    store: TokenStore,
    zoho: Sandbox,
    problems: list[EvergrantError],
    events: list[Event],
    fields: dict[str, str | None],
    why: str,
) -> None:
    given = {
        "client_id": zoho.client.client_id, "client_secret": "s", "refresh_token": "r",
        "access_token": "a", "user_name": f"{BOB}:1", "api_domain": zoho.url,
    }  # fmt: skip
    soon = utc_now() + timedelta(minutes=2)
    store.save_token(Token(**{**given, **fields}, expires_at=soon))  # type: ignore[arg-type]
    with Accounts(data_centers=zoho.data_centers, clock=zoho.clock) as accounts:
        manager = TokenManager(store, accounts, on_event=events.append)
        for users in ([], [BOB]):
            assert RefreshScheduler(manager, users, on_problem=problems.append).run_once() == 0
    (problem,) = problems
    assert why in problem.message
    assert problem.user == f"{BOB}:1"
    assert events == []
