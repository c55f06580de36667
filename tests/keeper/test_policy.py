"""What a policy keeps from being used, and what it lets be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Policy, Token, TokenStore
from evergrant.config import DEFAULT_SCOPES
from evergrant.errors import ConfigError, PolicyRefused
from evergrant.events import Event, LoginFailed, Revoked
from evergrant.sandbox import Sandbox
from evergrant.stores.adapter import adapt
from tests.support.keeper.idle import until_idle
from tests.support.stores.six_methods import Plain

Make = Callable[..., Keeper]

ALICE, BOB = "alice@example.com", "bob@example.com"
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def under(store: TokenStore, accounts: Accounts, events: list[Event], boat: Path) -> Make:
    def under(**rules: object) -> Keeper:
        policy = Policy(**rules)  # type: ignore[arg-type]
        return Keeper(store, accounts, on_event=events.append, lifeboat=boat, policy=policy)

    return under


@pytest.fixture
def enter(zoho: Sandbox) -> Callable[..., Token]:
    """Log a user in with a code as the API console makes them."""

    def enter(keeper: Keeper, email: str = ALICE, *scopes: str) -> Token:
        asked = scopes or DEFAULT_SCOPES
        return keeper.login_with_code(zoho.grant_code(email, asked, self_client=True))

    return enter


Enter = Callable[..., Token]


def uses(keeper: Keeper) -> dict[str, Callable[[], object]]:
    return {
        "access_token": lambda: keeper.access_token(ALICE),
        "token": lambda: keeper.token(ALICE),
        "find": lambda: keeper.find(ALICE),
        "refresh": lambda: keeper.refresh(ALICE),
        "token_for": lambda: keeper.token_for_url(ALICE, "http://127.0.0.1"),
    }


@pytest.mark.parametrize("rule", ["session_timeout", "max_age", "idle_timeout"])
@pytest.mark.parametrize("use", ["access_token", "token", "find", "refresh", "token_for"])
def test_no_way_leads_to_a_token_whose_time_is_over(
    zoho: Sandbox, under: Make, enter: Enter, rule: str, use: str
) -> None:
    keeper = under(**{rule: 10 * HOUR})
    enter(keeper)
    zoho.clock.advance(hours=10)
    with pytest.raises(PolicyRefused) as caught:
        uses(keeper)[use]()
    assert caught.value.rule == rule
    assert rule in str(caught.value)
    assert len(keeper.store.get_tokens()) == 1, "it stays, for whoever looks into it"


@pytest.mark.parametrize("rule", ["session_timeout", "max_age", "idle_timeout"])
def test_the_end_comes_to_the_moment_for_a_token_at_hand_too(
    zoho: Sandbox, under: Make, enter: Enter, rule: str
) -> None:
    keeper = under(**{rule: timedelta(minutes=20)})
    enter(keeper)
    for _ in range(3):
        assert keeper.access_token(ALICE)
    zoho.clock.advance(minutes=20, seconds=-1)
    if rule == "idle_timeout":
        assert keeper.cached_token(ALICE) is None, "a use is worth noting"
    assert keeper.access_token(ALICE)
    until_idle(keeper._manager)
    zoho.clock.advance(minutes=20 if rule == "idle_timeout" else 0, seconds=1)
    with pytest.raises(PolicyRefused):
        keeper.access_token(ALICE)
    assert keeper.cached_token(ALICE) is None


def test_a_login_begins_a_new_session(zoho: Sandbox, under: Make, enter: Enter) -> None:
    keeper = under(session_timeout=10 * HOUR)
    enter(keeper)
    zoho.clock.advance(hours=11)
    enter(keeper)
    assert keeper.access_token(ALICE)
    zoho.clock.advance(hours=9)
    assert keeper.access_token(ALICE)
    zoho.clock.advance(hours=1)
    with pytest.raises(PolicyRefused, match="session_timeout"):
        keeper.access_token(ALICE)


def test_a_login_without_consent_begins_a_new_session_of_the_same_grant(
    zoho: Sandbox, under: Make, enter: Enter
) -> None:
    keeper = under(session_timeout=10 * HOUR, max_age=15 * HOUR)
    first = enter(keeper)
    zoho.clock.advance(hours=11)
    code = zoho.grant_code(ALICE, self_client=True)
    granted = replace(keeper._manager.codes.exchange(keeper.accounts, code), refresh_token=None)
    keeper._manager.enrollment.enroll_as_is(
        replace(granted, user_name=first.user_name), find_user=False
    )
    assert keeper.find(ALICE).refresh_token == first.refresh_token
    assert keeper.access_token(ALICE)
    zoho.clock.advance(hours=4)
    with pytest.raises(PolicyRefused, match="max_age") as caught:
        keeper.access_token(ALICE)
    assert "prompt_consent=True" in str(caught.value)


def test_use_keeps_a_token_and_refreshes_that_nobody_asked_for_do_not(
    zoho: Sandbox, under: Make, enter: Enter
) -> None:
    keeper = under(idle_timeout=3 * HOUR)
    enter(keeper)
    for _ in range(16):
        zoho.clock.advance(minutes=30)
        assert keeper.access_token(ALICE)
        until_idle(keeper._manager)
    for _ in range(5):
        zoho.clock.advance(minutes=35)
        keeper.refresh_due()
        until_idle(keeper._manager)
    zoho.clock.advance(minutes=10)
    with pytest.raises(PolicyRefused, match="idle_timeout"):
        keeper.access_token(ALICE)
    assert keeper.refresh_due() == 0, "it is not kept alive for nobody"


def test_use_is_noted_now_and_then_and_not_at_each_call(
    zoho: Sandbox, under: Make, enter: Enter
) -> None:
    keeper = under(idle_timeout=20 * HOUR)
    saved = enter(keeper)
    for _ in range(50):
        zoho.clock.advance(seconds=10)
        keeper.access_token(ALICE)
    until_idle(keeper._manager)
    assert keeper.find(ALICE).version == saved.version
    zoho.clock.advance(minutes=52)
    keeper.access_token(ALICE)
    until_idle(keeper._manager)
    used = keeper.find(ALICE).last_used_at
    assert used
    assert zoho.clock() - used < timedelta(minutes=1)


def test_a_user_logs_in_again_after_any_of_them(zoho: Sandbox, under: Make, enter: Enter) -> None:
    keeper = under(idle_timeout=HOUR, max_age=2 * HOUR, session_timeout=2 * HOUR)
    enter(keeper)
    zoho.clock.advance(hours=5)
    with pytest.raises(PolicyRefused):
        keeper.access_token(ALICE)
    enter(keeper)
    assert keeper.access_token(ALICE)


def test_what_is_over_is_still_revoked(zoho: Sandbox, under: Make, enter: Enter) -> None:
    keeper = under(session_timeout=HOUR)
    enter(keeper)
    zoho.clock.advance(hours=2)
    keeper.revoke(ALICE)
    assert keeper.store.get_tokens() == []


def test_a_clock_that_goes_back_ends_nothing(zoho: Sandbox, under: Make, enter: Enter) -> None:
    keeper = under(idle_timeout=HOUR, session_timeout=HOUR)
    enter(keeper)
    zoho.clock.advance(hours=-3)
    assert keeper.access_token(ALICE)


@pytest.mark.parametrize("rule", ["max_tokens_per_user", "max_tokens_per_client"])
def test_a_login_beyond_the_limit_is_sent_away_and_revoked(
    zoho: Sandbox, under: Make, enter: Enter, events: list[Event], rule: str
) -> None:
    keeper = under(**{rule: 1})
    first = enter(keeper)
    enter(keeper)  # the same token again is no second one
    if rule == "max_tokens_per_user":
        keeper.store.save_token(
            replace(first, id=None, user_name=f"{ALICE}:1", client_id="1000.OTHER", version=0)
        )
        keeper.revoke(first.user_name or "")
    before = {token.id for token in keeper.store.get_tokens()}
    with pytest.raises(PolicyRefused, match=rule):
        enter(keeper, ALICE if rule == "max_tokens_per_user" else BOB)
    assert {token.id for token in keeper.store.get_tokens()} == before
    assert [type(event) for event in events[-2:]] == [Revoked, LoginFailed]


def test_a_login_that_covers_too_much_leaves_the_one_there_is(
    zoho: Sandbox, under: Make, enter: Enter
) -> None:
    keeper = under(allowed_scopes=("ZohoCRM.modules.*",))
    good = enter(keeper, ALICE, "ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ")
    with pytest.raises(PolicyRefused, match="allowed_scopes"):
        enter(keeper, ALICE)
    assert keeper.store.get_tokens() == [good]
    zoho.clock.advance(hours=2)
    assert keeper.access_token(ALICE), "it is still refreshed"


def test_a_token_whose_use_nobody_noted_yet_is_not_idle_while_it_is_used(
    zoho: Sandbox, under: Make, enter: Enter
) -> None:
    keeper = under(idle_timeout=timedelta(minutes=10))
    saved = enter(keeper)
    keeper.store.delete_tokens()
    keeper.store.save_token(replace(saved, id=None, last_used_at=None, version=0))
    for _ in range(60):
        zoho.clock.advance(seconds=20)
        keeper.access_token(ALICE)
        until_idle(keeper._manager)


def test_a_grant_begins_anew_after_a_login_for_an_hour(
    zoho: Sandbox, under: Make, enter: Enter
) -> None:
    keeper = under(max_age=30 * 24 * HOUR)
    first = enter(keeper)
    keeper.store.save_token(replace(first, refresh_token=None), expected_version=first.version)
    zoho.clock.advance(days=40)
    enter(keeper)
    assert keeper.access_token(ALICE)


def test_a_store_that_cannot_hold_what_a_policy_needs_is_refused(
    accounts: Accounts, boat: Path
) -> None:
    store = adapt(Plain())
    store.stored_fields = [name for name in store.stored_fields if name != "last_used_at"]
    with pytest.raises(ConfigError, match="last_used_at"):
        Keeper(store, accounts, lifeboat=boat, policy=Policy(idle_timeout=HOUR))


def test_keys_of_ones_own_are_not_one_user_for_what_they_begin_with(
    zoho: Sandbox, under: Make
) -> None:
    keeper = under(max_tokens_per_user=1)
    for who in ("tenant:1", "tenant:2"):
        keeper.login_with_code(zoho.grant_code(ALICE, self_client=True), who)
    assert len(keeper.store.get_tokens()) == 2


def test_scopes_that_are_not_allowed_are_sent_away(
    zoho: Sandbox, under: Make, enter: Enter
) -> None:
    keeper = under(allowed_scopes=("ZohoCRM.modules.*",))
    enter(keeper, ALICE, "ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ")
    with pytest.raises(PolicyRefused, match=r"ZohoCRM\.settings\.ALL is not allowed"):
        enter(
            keeper, BOB, "ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL",
            "ZohoCRM.users.READ", "ZohoCRM.org.READ",
        )  # fmt: skip
    assert [token.user_name for token in keeper.store.get_tokens()] == [
        keeper.find(ALICE).user_name
    ]
    narrower = under(allowed_scopes=("ZohoCRM.modules.leads.*",))
    with pytest.raises(PolicyRefused, match=r"ZohoCRM\.modules\.ALL is not allowed"):
        narrower.access_token(ALICE)


def test_what_zoho_cannot_be_told_of_is_not_kept_either(
    zoho: Sandbox, under: Make, enter: Enter
) -> None:
    keeper = under(max_tokens_per_client=1)
    enter(keeper)
    zoho.faults.server_error(path="/oauth/v2/token/revoke", times=None)
    with pytest.raises(PolicyRefused):
        enter(keeper, BOB)
    assert len(keeper.store.get_tokens()) == 1
