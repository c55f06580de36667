"""A login with a code from the API console, and what a login leaves in the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant.errors import (
    AccountsUnavailable,
    CodeSpent,
    ConfigError,
    ConsentDenied,
    InvalidClient,
    LoginRequired,
    MissingScope,
    NoRefreshToken,
)
from evergrant.sandbox import Sandbox

LogIn = Callable[[str], Token]

ALICE = "alice@example.com"


def exchanges(zoho: Sandbox) -> int:
    return zoho.calls.count(path="/oauth/v2/token", grant_type="authorization_code")


def test_a_code_becomes_a_token_that_works(zoho: Sandbox, keeper: Keeper, log_in: LogIn) -> None:
    token = log_in(ALICE)
    assert token.user_name == f"{ALICE}:{zoho.user(ALICE).orgs[0].zgid}"
    assert keeper.access_token(ALICE) == token.access_token
    assert type(keeper.access_token(ALICE)) is str
    assert keeper.store.get_tokens() == [token]


def test_a_code_of_another_data_center_works_there(keeper: Keeper, log_in: LogIn) -> None:
    carol = log_in("carol@example.eu")
    assert keeper.refresh("carol@example.eu").access_token != carol.access_token


def test_a_code_from_the_console_of_another_data_center_is_not_ours(
    zoho: Sandbox, keeper: Keeper
) -> None:
    with pytest.raises(CodeSpent):
        keeper.login_with_code(zoho.grant_code("carol@example.eu"), data_center="us")
    with pytest.raises(ConfigError, match="mars"):
        keeper.login_with_code("1000.c", data_center="mars")


def test_a_code_that_was_used_is_spent(zoho: Sandbox, keeper: Keeper) -> None:
    code = zoho.grant_code(ALICE)
    first = keeper.login_with_code(code)
    with pytest.raises(CodeSpent) as caught:
        keeper.login_with_code(code)
    assert code not in str(caught.value)
    assert keeper.store.get_tokens() == [first]


def test_a_code_that_is_too_old_or_made_up_is_spent(zoho: Sandbox, keeper: Keeper) -> None:
    code = zoho.grant_code(ALICE, self_client=True)
    zoho.clock.advance(minutes=4)
    for dead in (code, "1000.made.up", "", "💥", "1000.\udc80"):
        with pytest.raises(CodeSpent):
            keeper.login_with_code(dead)
    assert keeper.store.get_tokens() == []


def test_a_code_of_another_client_is_not_ours(zoho: Sandbox, keeper: Keeper) -> None:
    foreign = zoho.grant_code(ALICE, client=zoho.add_client())
    with pytest.raises(CodeSpent):
        keeper.login_with_code(foreign)


@pytest.mark.parametrize(("client_id", "secret"), [(None, "wrong"), ("1000.NOBODY", None)])
def test_a_wrong_client_is_named_as_what_is_wrong(
    zoho: Sandbox, store: TokenStore, client_id: str | None, secret: str | None
) -> None:
    with Accounts(
        client_id or zoho.client.client_id,
        secret or zoho.client.client_secret,
        data_centers=zoho.data_centers,
    ) as accounts:
        code = zoho.grant_code(ALICE)
        with pytest.raises(InvalidClient):
            Keeper(store, accounts).login_with_code(code)
    assert exchanges(zoho) == 1


TROUBLES: dict[str, Callable[[Sandbox], None]] = {
    "500": lambda zoho: zoho.faults.server_error(times=None),
    "a web page": lambda zoho: zoho.faults.html(times=None),
    "an empty body": lambda zoho: zoho.faults.empty(times=None),
    "half a JSON": lambda zoho: zoho.faults.half_json(times=None),
    "nothing, but the code was spent": lambda zoho: zoho.faults.drop_answer(times=None),
    "nothing at all": lambda zoho: zoho.faults.refuse(times=None),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_code_is_shown_once_when_no_answer_comes(
    zoho: Sandbox, keeper: Keeper, trouble: str
) -> None:
    code = zoho.grant_code(ALICE)
    TROUBLES[trouble](zoho)
    with pytest.raises(AccountsUnavailable) as caught:
        keeper.login_with_code(code)
    assert exchanges(zoho) == 1
    assert not caught.value.retryable
    assert keeper.store.get_tokens() == []


def test_nobody_answers_the_door_and_the_code_lives(
    zoho: Sandbox, store: TokenStore, keeper: Keeper
) -> None:
    code = zoho.grant_code(ALICE)
    naps: list[float] = []
    known = zoho.data_centers
    zoho.stop()
    with (
        Accounts("1000.ID", "s", data_centers=known, sleep=naps.append) as accounts,
        pytest.raises(AccountsUnavailable) as caught,
    ):
        Keeper(store, accounts).login_with_code(code)
    assert caught.value.retryable
    assert len(naps) == 2


def test_a_login_anew_goes_into_the_same_row(zoho: Sandbox, keeper: Keeper, log_in: LogIn) -> None:
    first, second = log_in(ALICE), log_in(ALICE)
    assert keeper.store.get_tokens() == [second]
    assert second.id == first.id
    assert second.refresh_token != first.refresh_token
    assert keeper.access_token(ALICE) == second.access_token


def test_a_login_without_a_refresh_token_keeps_the_old_one(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    first = log_in(ALICE)
    second = keeper.login_with_code(zoho.grant_code(ALICE, prompt_consent=False))
    assert second.refresh_token == first.refresh_token
    assert second.access_token != first.access_token
    zoho.clock.advance(hours=1)
    assert keeper.access_token(ALICE) not in (first.access_token, second.access_token)
    assert len(keeper.store.get_tokens()) == 1


def test_a_bogus_expiry_does_not_beat_a_new_login(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    token = log_in(ALICE)
    bogus = replace(token, expires_at=zoho.clock() + timedelta(days=36500))
    keeper.store.save_token(bogus, expected_version=token.version)
    assert zoho.revoke(ALICE) == 1
    again = log_in(ALICE)
    assert keeper.store.get_tokens() == [again]
    assert again.expires_at
    assert again.expires_at <= zoho.clock() + timedelta(hours=1)
    assert keeper.refresh(ALICE).refresh_token == again.refresh_token


@pytest.mark.parametrize("offline", [True, False])
def test_a_first_login_without_a_refresh_token_says_so_and_works_for_an_hour(
    zoho: Sandbox, keeper: Keeper, *, offline: bool
) -> None:
    zoho.grant_code(ALICE)  # a consent of old, whose refresh token nobody kept
    code = zoho.grant_code(ALICE, offline=offline, prompt_consent=not offline)
    with pytest.raises(NoRefreshToken, match="prompt_consent"):
        keeper.login_with_code(code)
    assert keeper.access_token(ALICE)
    zoho.clock.advance(hours=1)
    with pytest.raises(NoRefreshToken):
        keeper.access_token(ALICE)


@pytest.mark.parametrize("missing", ["ZohoCRM.users.READ", "ZohoCRM.org.READ"])
def test_a_grant_whose_owner_cannot_be_asked_for_is_kept_without_a_name(
    zoho: Sandbox, keeper: Keeper, missing: str
) -> None:
    have = {"ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"} - {missing}
    with pytest.raises(MissingScope) as caught:
        keeper.login_with_code(zoho.grant_code(ALICE, scopes=sorted(have)))
    assert missing in str(caught.value)
    assert caught.value.token_id
    token = keeper.store.find_token_by_id(caught.value.token_id)
    assert token is not None
    assert token.user_name is None
    assert token.refresh_token


def test_a_zoho_that_does_not_say_whose_the_grant_is_does_not_cost_the_grant(
    zoho: Sandbox, keeper: Keeper
) -> None:
    zoho.faults.server_error(path="/crm/v8/org", times=None)
    with pytest.raises(AccountsUnavailable, match="stored under its id") as caught:
        keeper.login_with_code(zoho.grant_code(ALICE))
    assert not caught.value.retryable
    assert [token.user_name for token in keeper.store.get_tokens()] == [None]
    zoho.faults.clear()
    again = keeper.login_with_code(zoho.grant_code(ALICE))
    assert keeper.find(ALICE) == again


def test_a_key_of_the_callers_own_is_taken_unasked(zoho: Sandbox, keeper: Keeper) -> None:
    code = zoho.grant_code(ALICE, scopes="ZohoCRM.modules.ALL")
    token = keeper.login_with_code(code, "tenant-7")
    assert token.user_name == "tenant-7"
    assert keeper.access_token("tenant-7") == token.access_token
    assert zoho.calls.count(path="/crm/v8/org") == 0
    again = keeper.login_with_code(zoho.grant_code("bob@example.com"), "tenant-7")
    assert keeper.store.get_tokens() == [again]


def test_somebody_else_than_expected_is_kept_apart(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    with pytest.raises(ConsentDenied) as caught:
        keeper.login_with_code(zoho.grant_code("bob@example.com"), ALICE)
    assert caught.value.user
    assert caught.value.user.startswith("bob@example.com:")
    assert keeper.find(ALICE) == alice
    keeper.revoke("bob@example.com")
    assert keeper.store.get_tokens() == [alice]


def test_a_login_heals_a_revoked_grant(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Callable[[], int]
) -> None:
    log_in(ALICE)
    zoho.revoke(ALICE)
    zoho.clock.advance(hours=1)
    for _ in range(5):
        with pytest.raises(LoginRequired) as caught:
            keeper.access_token(ALICE)
        assert caught.value.user
    assert refreshes() == 1
    token = log_in(ALICE)
    assert keeper.access_token(ALICE) == token.access_token
    zoho.clock.advance(hours=1)
    assert keeper.access_token(ALICE) != token.access_token
    assert refreshes() == 2
