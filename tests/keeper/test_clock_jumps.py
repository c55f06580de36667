"""A clock that jumps: no storm of refreshes, nobody locked out, no dead token handed out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, open_store
from evergrant.errors import Throttled, UntrustedServer
from evergrant.sandbox import Sandbox

Count = Callable[[], int]

ALICE = "alice@example.com"
DAY = timedelta(days=1)


class Watch:
    """This host's clock; Zoho has its own, which is right."""

    def __init__(self, zoho: Sandbox) -> None:
        self.zoho = zoho
        self.wrong = timedelta(0)

    def __call__(self) -> datetime:
        return self.zoho.clock() + self.wrong


@pytest.fixture
def watch(zoho: Sandbox) -> Watch:
    return Watch(zoho)


@pytest.fixture
def keeper(zoho: Sandbox, watch: Watch, tmp_path: Path) -> Iterator[Keeper]:
    with (
        open_store(f"sqlite:///{tmp_path}/tokens.db", clock=watch) as store,
        Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            redirect_url="https://app.example.com/callback",
            data_centers=zoho.data_centers,
            clock=watch,
        ) as accounts,
    ):
        keeper = Keeper(store, accounts, lifeboat=tmp_path)
        keeper.login_with_code(zoho.grant_code(ALICE))
        yield keeper


def works(zoho: Sandbox, keeper: Keeper) -> bool:
    """Ask Zoho itself whether the token that the Keeper hands out is alive."""
    return zoho._state.grants.access_token(keeper.access_token(ALICE), zoho.clock()) is not None


@pytest.mark.parametrize("jump", [DAY, -DAY, timedelta(minutes=30), -timedelta(minutes=30)])
def test_a_jump_costs_one_refresh_at_the_most(
    zoho: Sandbox, keeper: Keeper, watch: Watch, refreshes: Count, jump: timedelta
) -> None:
    watch.wrong += jump
    for _ in range(20):
        assert works(zoho, keeper)
    assert refreshes() <= 1
    watch.wrong -= jump
    for _ in range(20):
        assert works(zoho, keeper)
    assert refreshes() <= 2


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_after_a_jump_and_an_hour_the_token_still_works(
    zoho: Sandbox, keeper: Keeper, watch: Watch, refreshes: Count, jump: timedelta
) -> None:
    watch.wrong += jump
    assert works(zoho, keeper)
    for _ in range(3):
        zoho.clock.advance(hours=1)
        assert works(zoho, keeper)
    assert refreshes() <= 4


def test_a_login_with_a_clock_far_ahead_is_mended_when_the_clock_is(
    zoho: Sandbox, keeper: Keeper, watch: Watch, refreshes: Count
) -> None:
    watch.wrong = 400 * DAY
    keeper.login_with_code(zoho.grant_code(ALICE))
    watch.wrong = timedelta(0)
    zoho.clock.advance(hours=2)
    assert works(zoho, keeper)
    assert refreshes() == 1
    expires_at = keeper.token(ALICE).expires_at
    assert expires_at
    assert expires_at <= watch() + timedelta(hours=1)


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_refusal_is_not_remembered_longer_for_a_clock_that_jumped(
    zoho: Sandbox, keeper: Keeper, watch: Watch, refreshes: Count, jump: timedelta
) -> None:
    zoho.clock.advance(hours=1)
    zoho.faults.throttle()
    with pytest.raises(Throttled):
        keeper.access_token(ALICE)
    watch.wrong += jump
    assert works(zoho, keeper)
    assert refreshes() == 2


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_login_under_way_is_not_believed_after_a_jump(
    zoho: Sandbox, keeper: Keeper, watch: Watch, jump: timedelta
) -> None:
    redirect = zoho.consent(keeper.authorization_url(["ZohoCRM.modules.ALL"]))
    watch.wrong += jump
    with pytest.raises(UntrustedServer, match="too long ago"):
        keeper.complete_login(redirect)
