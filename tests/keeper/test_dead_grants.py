"""A grant that Zoho has ended is dead at once, for all who share the store and on every surface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evergrant import Keeper, Token, TokenStore
from evergrant._core.grant_state import State
from evergrant.errors import LoginRequired, StoreUnavailable, Throttled
from evergrant.sandbox import Sandbox
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.stores.every_store import EVERY_STORE

LogIn = Callable[[str], Token]
Count = Callable[[], int]
NewKeeper = Callable[[], Keeper]

ALICE = "alice@example.com"
DEAD = b'{"error":"invalid_code"}'


@pytest.fixture(params=EVERY_STORE)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(
    request: pytest.FixtureRequest, place: str, zoho: Sandbox, tmp_path: Path
) -> Iterator[TokenStore]:
    with EVERY_STORE[place](request, tmp_path, zoho.clock).open() as store:
        yield store


@pytest.fixture(autouse=True)
def _the_second_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust nothing for the second that passes where a store cannot tell what has changed."""
    monkeypatch.setattr("evergrant._core.token_cache.UNTRACKED_TTL_S", 0.0)


def test_after_a_refusal_its_access_token_is_handed_out_by_nobody(
    zoho: Sandbox, keeper: Keeper, new_keeper: NewKeeper, log_in: LogIn, refreshes: Count
) -> None:
    token, other = log_in(ALICE), new_keeper()
    assert keeper.access_token(ALICE) == other.access_token(ALICE) == token.access_token
    assert other.states.of(token).state is State.ACTIVE
    zoho.revoke(ALICE)
    with pytest.raises(LoginRequired):
        keeper.refresh(ALICE)
    for one in (keeper, other, new_keeper()):
        for _ in range(3):
            assert one.cached_token(ALICE) is None
            with pytest.raises(LoginRequired) as caught:
                one.access_token(ALICE)
            assert caught.value.user == token.user_name
        stored = one.find(ALICE)
        assert one.states.describe(stored) == "needs login"
        assert one.states.of(stored).reason
    assert refreshes() == 1, "what one has learnt is not asked for by the others"
    zoho.clock.advance(hours=30)
    grant = new_keeper().states.of(keeper.find(ALICE))
    assert grant.state is State.NEEDS_LOGIN, "it is known for as long as the grant is here"
    assert grant.since
    assert zoho.clock() - grant.since > timedelta(hours=29)


def test_a_new_login_ends_it(
    zoho: Sandbox, keeper: Keeper, new_keeper: NewKeeper, log_in: LogIn
) -> None:
    log_in(ALICE)
    zoho.revoke(ALICE)
    with pytest.raises(LoginRequired):
        keeper.refresh(ALICE)
    anew = log_in(ALICE)
    for one in (keeper, new_keeper()):
        assert one.access_token(ALICE) == anew.access_token
        assert one.states.of(one.find(ALICE), thorough=True).state is State.ACTIVE
    zoho.clock.advance(hours=1)
    assert keeper.states.of(keeper.find(ALICE)).state is State.ACTIVE


def test_a_refresh_that_zoho_grants_after_all_ends_it(
    zoho: Sandbox, keeper: Keeper, new_keeper: NewKeeper, log_in: LogIn
) -> None:
    log_in(ALICE)
    other = new_keeper()
    other.access_token(ALICE)
    zoho.faults.server_error(status=200, body=DEAD)
    with pytest.raises(LoginRequired):
        keeper.refresh(ALICE)
    with pytest.raises(LoginRequired):
        other.access_token(ALICE)
    zoho.clock.advance(minutes=11)
    refreshed = other.refresh(ALICE)
    for one in (keeper, other, new_keeper()):
        assert one.access_token(ALICE) == refreshed.access_token
        assert one.states.of(refreshed, thorough=True).state is State.ACTIVE
    zoho.clock.advance(hours=1)
    assert keeper.states.of(refreshed).state is State.ACTIVE


def test_a_throttle_or_an_outage_later_does_not_hide_it(
    zoho: Sandbox, keeper: Keeper, new_keeper: NewKeeper, log_in: LogIn
) -> None:
    log_in(ALICE)
    zoho.revoke(ALICE)
    with pytest.raises(LoginRequired):
        keeper.refresh(ALICE)
    zoho.clock.advance(minutes=11)
    zoho.faults.throttle()
    with pytest.raises(Throttled):
        keeper.access_token(ALICE)
    zoho.clock.advance(hours=3)
    assert new_keeper().states.describe(keeper.find(ALICE)) == "needs login"


@pytest.mark.parametrize("status", [200, 500])
def test_what_is_not_certain_ends_nothing(
    zoho: Sandbox, keeper: Keeper, new_keeper: NewKeeper, log_in: LogIn, status: int
) -> None:
    token = log_in(ALICE)
    if status == 200:
        zoho.faults.throttle(times=None)
    else:
        zoho.faults.server_error(body=DEAD, times=None)
    with pytest.raises(Exception, match=r"Zoho|trouble"):
        keeper.refresh(ALICE)
    for one in (keeper, new_keeper()):
        assert one.access_token(ALICE) == token.access_token
        assert one.states.of(token, thorough=True).state is State.ACTIVE


def test_a_wrong_data_center_may_have_been_asked_and_ends_nothing(
    zoho: Sandbox, keeper: Keeper, new_keeper: NewKeeper, log_in: LogIn, store: TokenStore
) -> None:
    token = log_in(ALICE)
    store.delete_token(token.id or "")
    store.save_token(replace(token, id=None, version=0, api_domain=None))
    zoho.faults.server_error(status=200, body=DEAD)
    with pytest.raises(LoginRequired):
        keeper.refresh(ALICE)
    assert new_keeper().access_token(ALICE) == token.access_token


def test_a_login_that_ends_in_that_very_moment_is_not_hurt(
    zoho: Sandbox, keeper: Keeper, new_keeper: NewKeeper, log_in: LogIn, monkeypatch: Any
) -> None:
    log_in(ALICE)
    zoho.revoke(ALICE)
    refresh, anew = keeper.accounts.refresh, list[Token]()

    def slow(token: Token, **options: Any) -> Token:
        try:
            return refresh(token, **options)
        finally:
            code = zoho.grant_code(ALICE, self_client=True)
            anew.append(new_keeper().login_with_code(code))

    monkeypatch.setattr(keeper.accounts, "refresh", slow)
    assert keeper.refresh(ALICE).access_token == anew[0].access_token
    assert keeper.access_token(ALICE) == anew[0].access_token
    assert keeper.states.of(keeper.find(ALICE), thorough=True).state is State.ACTIVE


def test_a_refresh_that_succeeded_elsewhere_meanwhile_wins(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, store: TokenStore, monkeypatch: Any
) -> None:
    token = log_in(ALICE)
    refresh = keeper.accounts.refresh

    def slow(asked: Token, **options: Any) -> Token:
        row = store.find_token_by_id(token.id or "")
        assert row
        store.save_token(replace(row, access_token="1000.other"), expected_version=row.version)
        return refresh(asked, **options)

    monkeypatch.setattr(keeper.accounts, "refresh", slow)
    zoho.faults.server_error(status=200, body=DEAD)
    assert keeper.refresh(ALICE).access_token == "1000.other"
    assert keeper.access_token(ALICE) == "1000.other"


def test_lists_read_no_note_of_a_token_that_works(
    keeper: Keeper, log_in: LogIn, store: TokenStore, monkeypatch: Any
) -> None:
    token = log_in(ALICE)

    def fail(key: str) -> str:
        raise AssertionError("a note was read")

    monkeypatch.setattr(store, "get_note", fail)
    assert keeper.states.describe(token) == "fresh"


def test_the_sdk_gets_no_access_token_of_a_dead_grant(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, store: TokenStore, tmp_path: Path
) -> None:
    token = log_in(ALICE)
    home = zoho.data_center("us")
    around = SDKConfig(home.accounts_url, home.api_url)
    bridge = SDKBridge(
        store, data_centers=zoho.data_centers, clock=zoho.clock, lifeboat=tmp_path / "desk"
    )
    asked = Token(user_name=token.user_name, client_id=token.client_id)
    answer = bridge.resolve(asked, around)
    assert answer
    assert answer.access_token == token.access_token
    zoho.revoke(ALICE)
    with pytest.raises(LoginRequired):
        keeper.refresh(ALICE)
    assert bridge.cached(None, token.user_name, token.client_id) is None
    for _ in range(2):
        with pytest.raises(LoginRequired):
            bridge.resolve(asked, around)
    bridge.close()


@pytest.mark.parametrize("place", ["sqlite"])
class TestWhileTheStoreTakesNothing:
    def test_the_process_knows_and_tells_the_store_later(
        self,
        zoho: Sandbox,
        keeper: Keeper,
        new_keeper: NewKeeper,
        log_in: LogIn,
        locked: Callable[[], AbstractContextManager[None]],
        monkeypatch: Any,
    ) -> None:
        token = log_in(ALICE)
        zoho.revoke(ALICE)
        monkeypatch.setattr("evergrant._core.dead_grant_marker.RETRY_S", 0.0)
        with locked():
            with pytest.raises(LoginRequired):
                keeper.refresh(ALICE)
            for _ in range(3):
                assert keeper.cached_token(ALICE) is None
                with pytest.raises(LoginRequired):
                    keeper.access_token(ALICE)
            assert keeper.states.describe(token) == "needs login"
        with pytest.raises(LoginRequired):
            keeper.access_token(ALICE)
        with pytest.raises(LoginRequired):
            new_keeper().access_token(ALICE)

    def test_a_store_that_is_gone_makes_it_no_better(
        self, zoho: Sandbox, keeper: Keeper, log_in: LogIn, down: Callable[[], None]
    ) -> None:
        log_in(ALICE)
        log_in("bob@example.com")
        keeper.access_token("bob@example.com")
        keeper.access_token(ALICE)
        zoho.revoke(ALICE)
        with pytest.raises(LoginRequired):
            keeper.refresh(ALICE)
        with pytest.raises(LoginRequired):
            keeper.access_token(ALICE)
        down()
        for _ in range(3):
            assert keeper.cached_token(ALICE) is None
            with pytest.raises((LoginRequired, StoreUnavailable)):
                keeper.access_token(ALICE)
            assert keeper.access_token("bob@example.com")
