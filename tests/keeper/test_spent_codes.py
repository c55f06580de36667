"""A code is spent: whatever is wrong with what it brought, it is kept or ended, and told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant import Accounts, DataCenter, DataCenters, Keeper, Policy, Token, TokenStore
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant._oauth.transport import HttpxTransport
from evergrant.errors import (
    ConfigError,
    ConsentDenied,
    EvergrantError,
    OAuthError,
    PolicyRefused,
    TokenNotSaved,
    UntrustedServer,
)
from evergrant.policy import NO_POLICY
from evergrant.sandbox import Sandbox

ALICE = "alice@example.com"
FOREIGN = "https://api.zoho.example"

Lie = Callable[[HttpRequest, HttpResponse], HttpResponse]
Make = Callable[..., Keeper]


def names(api_domain: object) -> Lie:
    """Let the answers that grant something name another API."""

    def lie(_: HttpRequest, answer: HttpResponse) -> HttpResponse:
        data = json.loads(answer.body) if answer.body[:1] == b"{" else {}
        if "access_token" not in data:
            return answer
        return replace(answer, body=json.dumps(data | {"api_domain": api_domain}).encode())

    return lie


@pytest.fixture
def through(zoho: Sandbox, store: TokenStore, boat: Path) -> Iterator[Make]:
    """Make a Keeper for whom what Zoho answers is changed on the way."""
    with ExitStack() as stack:

        def make(
            lie: Lie = lambda _, answer: answer,
            data_centers: DataCenters | None = None,
            policy: Policy = NO_POLICY,
        ) -> Keeper:
            sender = HttpxTransport(10.0)
            stack.callback(sender.close)
            accounts = Accounts(
                zoho.client.client_id,
                zoho.client.client_secret,
                redirect_url="https://app.example.com/callback",
                data_centers=data_centers or zoho.data_centers,
                clock=zoho.clock,
                send=lambda call: lie(call, sender(call)),
                sleep=lambda seconds: None,
            )
            return Keeper(store, accounts, lifeboat=boat, policy=policy)

        yield make


def by_browser(zoho: Sandbox, keeper: Keeper, user: str | None = None) -> Token:
    redirect = zoho.consent(keeper.authorization_url(["ZohoCRM.modules.ALL"], user))
    return keeper.complete_login(redirect)


def by_console(zoho: Sandbox, keeper: Keeper, user: str | None = None) -> Token:
    return keeper.login_with_code(zoho.grant_code(ALICE, self_client=True), user)


LOGINS = [by_browser, by_console]


@pytest.mark.parametrize("user", [None, ALICE, "tenant-7"])
@pytest.mark.parametrize("log_in", LOGINS)
@pytest.mark.parametrize(
    "api_domain",
    [FOREIGN, "https://www.zohoapis.com@evil.example", "no address", 7, {"a": 1}, "eu"],
)
def test_a_foreign_api_domain_after_the_code_is_spent(
    zoho: Sandbox,
    keeper: Keeper,
    through: Make,
    log_in: Callable[[Sandbox, Keeper, str | None], Token],
    api_domain: object,
    user: str | None,
) -> None:
    if api_domain == "eu":
        api_domain = zoho.data_center("eu").api_url
    with pytest.raises(UntrustedServer) as told:
        log_in(zoho, through(names(api_domain)), user)
    (kept,) = keeper.store.get_tokens()
    assert kept.refresh_token
    assert kept.api_domain == zoho.data_center("us").api_url, "nothing goes elsewhere"
    assert (told.value.token_id, told.value.user) == (kept.id, kept.user_name)
    assert "data_centers" in told.value.hint
    assert "revoke" in told.value.hint
    # What was kept works, once Zoho says what it should.
    zoho.clock.advance(hours=1)
    assert keeper.access_token(kept.user_name or "")


def test_the_advice_of_a_foreign_api_domain(zoho: Sandbox, keeper: Keeper, through: Make) -> None:
    with pytest.raises(UntrustedServer):
        by_console(zoho, through(names(FOREIGN)), "tenant-7")
    here = zoho.data_center("us")
    known = DataCenters(DataCenter.custom(here.accounts_url, FOREIGN))
    assert by_console(zoho, through(names(FOREIGN), known), "tenant-8").api_domain == FOREIGN
    keeper.revoke("tenant-7")
    assert [token.user_name for token in keeper.store.get_tokens()] == ["tenant-8"]


def test_a_foreign_api_domain_while_the_store_is_down(
    zoho: Sandbox, through: Make, keeper: Keeper, down: Callable[[], None], boat: Path
) -> None:
    liar = through(names(FOREIGN))
    down()
    with pytest.raises(TokenNotSaved) as told:
        by_console(zoho, liar)
    assert FOREIGN in told.value.hint
    (waiting,) = Lifeboat(boat, keeper.store.url).pending()
    assert waiting.refresh_token


def test_a_foreign_api_domain_and_somebody_else(
    zoho: Sandbox, keeper: Keeper, through: Make
) -> None:
    with pytest.raises(ConsentDenied) as told:
        by_console(zoho, through(names(FOREIGN)), "bob@example.com")
    assert FOREIGN in told.value.hint
    assert keeper.find(ALICE).refresh_token


def test_accounts_alone_hand_out_what_a_foreign_api_domain_came_with(
    zoho: Sandbox, through: Make, caplog: pytest.LogCaptureFixture
) -> None:
    accounts = through(names(FOREIGN)).accounts
    token = accounts.exchange(zoho.grant_code(ALICE, self_client=True))
    assert token.refresh_token
    assert token.api_domain == zoho.data_center("us").api_url
    assert FOREIGN in caplog.text


def fails(error: Exception | HttpResponse, path: str) -> Lie:
    def lie(call: HttpRequest, answer: HttpResponse) -> HttpResponse:
        if path not in call.url:
            return answer
        if isinstance(error, HttpResponse):
            return error
        raise error

    return lie


PAGE = HttpResponse(200, {"content-type": "text/html"}, b"<html>log in to the network</html>")


@pytest.mark.parametrize("path", ["/users", "/org"])
@pytest.mark.parametrize(
    "trouble",
    [
        PAGE,
        HttpResponse(302, {"location": "https://portal.example"}),
        HttpResponse(401, {}, b'{"code": "INVALID_TOKEN"}'),
        HttpResponse(429, {"retry-after": "30"}),
        ConfigError("the proxy is gone"),
    ],
    ids=["page", "redirect", "invalid token", "429", "setting"],
)
def test_nobody_says_whose_it_is(
    zoho: Sandbox, keeper: Keeper, through: Make, path: str, trouble: Exception | HttpResponse
) -> None:
    with pytest.raises((OAuthError, ConfigError)) as told:
        by_console(zoho, through(fails(trouble, path)))
    (kept,) = keeper.store.get_tokens()
    assert kept.refresh_token
    assert told.value.token_id == kept.id
    assert "stored under its id" in told.value.hint
    assert not told.value.retryable


REVOKE = "/oauth/v2/token/revoke"


@pytest.mark.parametrize(
    "policy",
    [Policy(allowed_scopes=("ZohoCRM.settings.*",)), Policy(max_tokens_per_client=1)],
    ids=["scopes", "crowd"],
)
@pytest.mark.parametrize(
    "trouble",
    [PAGE, HttpResponse(302, {"location": "https://x.example"}), ConfigError("no proxy"), None],
    ids=["page", "redirect", "setting", "none"],
)
def test_a_policy_refuses_and_zoho_cannot_be_told(
    zoho: Sandbox, keeper: Keeper, through: Make, policy: Policy, trouble: HttpResponse | None
) -> None:
    keeper.login_with_code(zoho.grant_code("bob@example.com", self_client=True))
    lie = fails(trouble, REVOKE) if trouble else lambda _, answer: answer
    with pytest.raises(PolicyRefused) as told:
        by_console(zoho, through(lie, policy=policy))
    assert len(keeper.store.get_tokens()) == 1
    where = f"{zoho.data_center('us').accounts_url}/home"
    assert (f"lives on at Zoho: its user can end it under Connected apps at {where}"
            in told.value.hint) == bool(trouble)  # fmt: skip


def test_what_is_told_carries_no_secret(zoho: Sandbox, keeper: Keeper, through: Make) -> None:
    with pytest.raises(EvergrantError) as told:
        by_console(zoho, through(names(FOREIGN)))
    (kept,) = keeper.store.get_tokens()
    for secret in (kept.refresh_token, kept.access_token, kept.grant_token):
        assert secret
        assert secret.encode() not in repr(told.value.__dict__).encode()
