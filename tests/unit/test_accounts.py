"""The driver of the protocol: which request is sent, how often, and with whose secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from evergrant._oauth.messages import HttpResponse
from evergrant.accounts import Accounts
from evergrant.datacenter import ZOHO
from evergrant.errors import (
    CodeSpent,
    ConfigError,
    InvalidClient,
    LoginRequired,
    MissingScope,
    NoRefreshToken,
    OAuthError,
    Throttled,
    UntrustedServer,
)
from evergrant.token import Token
from tests.support.keeper.scripted_accounts import GRANT, MINTED, NOW, TOKEN, Wire, accounts, answer

CRM_TOKEN = replace(TOKEN, scopes=("ZohoCRM.modules.ALL",))


def test_an_exchange_yields_the_grant_whole() -> None:
    wire = Wire(answer(GRANT))
    token = accounts(wire).exchange("1000.c", ZOHO.by_code("eu"), redirect_url="https://a.example")
    assert token == Token(
        client_id="1000.ID",
        client_secret="eu-secret",
        refresh_token="1000.r",
        access_token="1000.a",
        grant_token="1000.c",
        expires_at=NOW + timedelta(hours=1),
        redirect_url="https://a.example",
        api_domain="https://www.zohoapis.eu",
    )
    assert wire.form()["client_secret"] == "eu-secret"


def test_a_refresh_keeps_what_zoho_does_not_repeat() -> None:
    token = accounts(Wire(answer(MINTED))).refresh(TOKEN)
    assert (token.access_token, token.refresh_token) == ("1000.a2", "1000.r")
    assert (token.id, token.user_name, token.scopes) == (TOKEN.id, TOKEN.user_name, TOKEN.scopes)
    assert token.expires_at == NOW + timedelta(hours=1)


def test_an_answer_that_is_read_late_does_not_lengthen_the_life_of_a_token() -> None:
    moments = iter([NOW, NOW + timedelta(minutes=5)])
    ours = Accounts("1000.ID", "secret", send=Wire(answer(MINTED)), clock=lambda: next(moments))
    assert ours.refresh(TOKEN).expires_at == NOW + timedelta(hours=1)


def test_a_refresh_token_that_zoho_does_send_replaces_the_old_one() -> None:
    token = accounts(Wire(answer({**MINTED, "refresh_token": "1000.new"}))).refresh(TOKEN)
    assert token.refresh_token == "1000.new"


def test_nothing_to_refresh_with_asks_nobody() -> None:
    wire = Wire(answer(MINTED))
    with pytest.raises(NoRefreshToken) as caught:
        accounts(wire).refresh(Token(id="7", access_token="1000.a"))
    assert caught.value.token_id == "7"
    assert wire.calls == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": "invalid_code"}, LoginRequired),
        ({"error": "invalid_client"}, InvalidClient),
        ({"error": "invalid_client_secret"}, InvalidClient),
        ({"error": "Access Denied"}, Throttled),
        ({"error": "something_new"}, OAuthError),
        ({**MINTED, "api_domain": "https://evil.example"}, UntrustedServer),
    ],
)
def test_a_no_is_a_no_and_is_not_asked_again(body: object, kind: type[OAuthError]) -> None:
    wire = Wire(answer(body))
    with pytest.raises(kind):
        accounts(wire).refresh(TOKEN)
    assert len(wire.calls) == 1


def test_a_redirect_is_not_followed_and_not_asked_again() -> None:
    wire = Wire(HttpResponse(302, {"location": "https://evil.example"}))
    with pytest.raises(UntrustedServer):
        accounts(wire).refresh(TOKEN)
    assert len(wire.calls) == 1


def test_a_spent_code_is_not_a_revoked_grant() -> None:
    with pytest.raises(CodeSpent):
        accounts(Wire(answer({"error": "invalid_code"}))).exchange("1000.c")


@pytest.mark.parametrize(
    ("api_domain", "server", "secret"),
    [
        ("https://www.zohoapis.com", "https://accounts.zoho.com", "new-secret"),
        ("https://sandbox.zohoapis.eu", "https://accounts.zoho.eu", "eu-secret"),
        ("https://www.zohoapis.ca", "https://accounts.zohocloud.ca", "new-secret"),
        (None, "https://accounts.zoho.in", "new-secret"),
    ],
)
def test_a_token_is_refreshed_where_it_lives_with_the_secret_that_counts_there(
    api_domain: str | None, server: str, secret: str
) -> None:
    wire = Wire(answer({"access_token": "1000.a2"}))
    token = Token(client_id="1000.ID", refresh_token="1000.r", api_domain=api_domain)
    accounts(wire, data_center="in").refresh(token)
    assert wire.calls[0].url == f"{server}/oauth/v2/token"
    assert wire.form()["client_secret"] == secret


def test_a_token_of_another_client_is_refreshed_with_its_own_secret() -> None:
    wire = Wire(answer(MINTED))
    other = Token(client_id="1000.OTHER", client_secret="other-secret", refresh_token="1000.r")
    accounts(wire).refresh(other)
    assert (wire.form()["client_id"], wire.form()["client_secret"]) == (
        "1000.OTHER",
        "other-secret",
    )


def test_without_a_secret_of_ours_the_stored_one_is_used() -> None:
    wire = Wire(answer(MINTED))
    accounts(wire, client_secret=None).refresh(TOKEN)
    assert wire.form()["client_secret"] == "old-secret"


def test_without_a_client_the_stored_one_is_used_and_nobody_can_log_in() -> None:
    wire = Wire(answer(MINTED))
    nobody = Accounts(send=wire, sleep=wire.naps.append)
    nobody.refresh(TOKEN)
    assert wire.form()["client_secret"] == "old-secret"
    with pytest.raises(ConfigError):
        nobody.exchange("1000.c")
    with pytest.raises(ConfigError):
        nobody.refresh(Token(refresh_token="1000.r"))
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda accounts, token: accounts.refresh(token),
        lambda accounts, token: accounts.revoke(token),
        lambda accounts, token: accounts.fetch_owner(token),
    ],
)
def test_a_stored_api_domain_that_is_not_zohos_is_sent_nothing(
    use: Callable[[Accounts, Token], object],
) -> None:
    wire = Wire(answer(MINTED))
    with pytest.raises(UntrustedServer):
        use(
            accounts(wire),
            Token(refresh_token="r", access_token="a", api_domain="https://x.example"),
        )
    assert wire.calls == []


def test_an_unknown_data_center_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="mars"):
        Accounts("1000.ID", data_center="mars")


def test_the_refresh_token_is_revoked_before_its_access_tokens() -> None:
    wire = Wire(answer({"status": "success"}))
    assert accounts(wire).revoke(TOKEN)
    assert wire.form() == {"token": "1000.r"}
    assert accounts(wire).revoke(Token(access_token="1000.a"), authenticated=True)
    assert wire.form() == {"token": "1000.a", "token_type": "access_token"}
    assert not accounts(wire).revoke(Token(id="7", grant_token="1000.c"))
    assert len(wire.calls) == 2


def test_client_credentials_yield_a_token_without_a_user() -> None:
    wire = Wire(answer({"access_token": "1000.a", "expires_in": 3600}))
    token = accounts(wire).client_credentials(iter(["A.b.READ"]), "42")
    assert (token.org_id, token.scopes, token.refresh_token) == ("42", ("A.b.READ",), None)


def test_the_owner_is_named_as_the_official_sdk_names_users() -> None:
    wire = Wire(
        answer({"users": [{"email": "alice@example.com"}]}), answer({"org": [{"zgid": "42"}]})
    )
    assert accounts(wire).fetch_owner(CRM_TOKEN) == ("alice@example.com:42", "42")
    assert {call.headers["authorization"] for call in wire.calls} == {"Zoho-oauthtoken 1000.a"}


def test_an_owner_whom_the_grant_does_not_show_is_not_asked_for_twice() -> None:
    wire = Wire(answer({"code": "OAUTH_SCOPE_MISMATCH"}, 401))
    with pytest.raises(MissingScope):
        accounts(wire).fetch_owner(CRM_TOKEN)
    assert len(wire.calls) == 1


def test_where_the_crm_does_not_tell_the_owner_of_unknown_scopes_the_accounts_server_does() -> None:
    refused = answer({"code": "OAUTH_SCOPE_MISMATCH"}, 401)
    wire = Wire(refused, answer({"Email": "alice@example.com"}))
    assert accounts(wire).fetch_owner(replace(TOKEN, scopes=())) == ("alice@example.com", None)
    wire = Wire(refused, answer({"cause": "INVALID_OAUTHSCOPE", "response": "error"}, 401))
    with pytest.raises(MissingScope, match=r"ZohoCRM\.users\.READ"):
        accounts(wire).fetch_owner(replace(TOKEN, scopes=()))
