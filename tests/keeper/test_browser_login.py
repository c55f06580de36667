"""A login by browser: the user consents at Zoho, and what comes back is not believed blindly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant.errors import (
    CodeSpent,
    ConfigError,
    ConsentDenied,
    EvergrantError,
    InvalidClient,
    UntrustedServer,
)
from evergrant.events import Event, LoggedIn
from evergrant.sandbox import Sandbox
from evergrant.stores.memory import MemoryStore

SCOPES = ["ZohoCRM.modules.ALL"]
TOKEN_PATH = "/oauth/v2/token"

Back = Callable[..., str]


@pytest.fixture
def back(zoho: Sandbox, keeper: Keeper) -> Back:
    """Begin a login, consent, and return the URL that the browser is sent back to."""

    def back(
        email: str = "alice@example.com", *, allow: bool = True, **login: str | bool | None
    ) -> str:
        url = keeper.authorization_url(SCOPES, **login)  # type: ignore[arg-type]
        return zoho.consent(url, user=email, allow=allow)

    return back


def changed(url: str, **params: str | None) -> str:
    pairs = dict(parse_qsl(urlsplit(url).query))
    pairs |= {name.replace("_", "-"): value for name, value in params.items() if value is not None}
    for name, value in params.items():
        if value is None:
            pairs.pop(name.replace("_", "-"), None)
    return f"{url.partition('?')[0]}?{urlencode(pairs)}"


def exchanges(zoho: Sandbox) -> int:
    return zoho.calls.count(path=TOKEN_PATH)


@pytest.mark.parametrize(
    ("email", "home"), [("alice@example.com", "us"), ("carol@example.eu", "eu")]
)
def test_a_user_logs_in_wherever_their_account_is(
    zoho: Sandbox, keeper: Keeper, back: Back, events: list[Event], email: str, home: str
) -> None:
    token = keeper.complete_login(back(email))
    org = zoho.user(email).orgs[0].zgid
    assert (token.user_name, token.org_id) == (f"{email}:{org}", org)
    assert token.api_domain == zoho.data_center(home).api_url
    assert token.scopes == (*SCOPES, "ZohoCRM.users.READ", "ZohoCRM.org.READ")
    assert token.id
    assert token.refresh_token
    assert keeper.store.get_tokens() == [token]
    assert keeper.access_token(email) == token.access_token
    assert [type(event) for event in events] == [LoggedIn]
    assert isinstance(events[0], LoggedIn)
    assert (events[0].data_center, events[0].user) == (home, token.user_name)


def test_the_redirect_is_taken_in_every_form(keeper: Keeper, back: Back) -> None:
    url = back()
    assert url.endswith("&")
    first = keeper.complete_login(url)
    assert keeper.complete_login(urlsplit(back()).query).id == first.id
    assert keeper.complete_login(dict(parse_qsl(urlsplit(back()).query))).id == first.id


def test_any_worker_of_the_app_may_complete_it(
    new_keeper: Callable[[], Keeper], back: Back
) -> None:
    assert new_keeper().complete_login(back(session="cookie-1"), session="cookie-1").id


def refused(
    keeper: Keeper, zoho: Sandbox, redirect: str, error: type[EvergrantError], **login: Any
) -> EvergrantError:
    """Prove that a redirect is refused, and that nobody was sent anything."""
    before = len(zoho.calls)
    with pytest.raises(error) as caught:
        keeper.complete_login(redirect, **login)
    assert len(zoho.calls) == before
    assert keeper.store.get_tokens() == []
    code = dict(parse_qsl(urlsplit(redirect).query)).get("code", "no code")
    assert code not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("state", [None, "", "x", "x.y", "é.\x00"])
def test_a_redirect_with_a_wrong_state_is_refused(
    zoho: Sandbox, keeper: Keeper, back: Back, state: str | None
) -> None:
    refused(keeper, zoho, changed(back(), state=state), UntrustedServer)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("cookie-1", "cookie-2"), ("cookie-1", None), (None, "cookie-1")]
)
def test_a_redirect_fed_to_another_browser_session_is_refused(
    zoho: Sandbox, keeper: Keeper, back: Back, ours: str | None, theirs: str | None
) -> None:
    redirect = back(session=ours)
    with pytest.raises(UntrustedServer):
        keeper.complete_login(redirect, session=theirs)
    assert exchanges(zoho) == 0
    assert keeper.complete_login(redirect, session=ours).id


def test_a_redirect_that_comes_too_late_is_refused(
    zoho: Sandbox, keeper: Keeper, back: Back
) -> None:
    redirect = back()
    zoho.clock.advance(hours=2)
    refused(keeper, zoho, redirect, UntrustedServer)


@pytest.mark.parametrize(
    "server",
    [
        "https://evil.example",
        "{us}.evil.example",
        "{us}@evil.example",
        "{us}/evil",
        "https://accounts.zoho.com",
        "http://127.0.0.1:1",
    ],
)
@pytest.mark.parametrize("location", ["us", None])
def test_a_stranger_as_accounts_server_is_sent_nothing(
    zoho: Sandbox, keeper: Keeper, back: Back, server: str, location: str | None
) -> None:
    server = server.format(us=zoho.url)
    redirect = changed(back(), accounts_server=server, location=location)
    shown = server.removesuffix("/evil")  # a path may hold what nobody should see
    assert shown in str(refused(keeper, zoho, redirect, UntrustedServer))


@pytest.mark.parametrize("location", ["eu", "mars"])
def test_location_and_accounts_server_must_agree(
    zoho: Sandbox, keeper: Keeper, back: Back, location: str
) -> None:
    refused(keeper, zoho, changed(back(), location=location), UntrustedServer)


def test_a_repeated_parameter_is_refused(zoho: Sandbox, keeper: Keeper, back: Back) -> None:
    evil = f"{back()}accounts-server={quote('https://evil.example', safe='')}"
    refused(keeper, zoho, evil, UntrustedServer)


def test_a_user_who_says_no_is_not_logged_in(zoho: Sandbox, keeper: Keeper, back: Back) -> None:
    error = refused(keeper, zoho, back(allow=False), ConsentDenied)
    assert isinstance(error, ConsentDenied)
    assert error.code == "access_denied"


def test_a_code_beside_an_error_is_not_used(zoho: Sandbox, keeper: Keeper, back: Back) -> None:
    refused(keeper, zoho, changed(back(), error="access_denied"), ConsentDenied)


def test_a_redirect_works_once(zoho: Sandbox, keeper: Keeper, back: Back) -> None:
    redirect = back()
    first = keeper.complete_login(redirect)
    with pytest.raises(CodeSpent):
        keeper.complete_login(redirect)
    assert keeper.store.get_tokens() == [first]
    assert exchanges(zoho) == 1


def test_a_code_that_is_too_old_is_spent(zoho: Sandbox, keeper: Keeper, back: Back) -> None:
    redirect = back()
    zoho.clock.advance(minutes=3)
    with pytest.raises(CodeSpent):
        keeper.complete_login(redirect)


def test_each_data_center_gets_its_own_secret(
    zoho: Sandbox, store: TokenStore, new_keeper: Callable[[], Keeper]
) -> None:
    app = zoho.add_client(
        redirect_uris=["https://app.example.com/callback"], secrets={"eu": "for-eu-only"}
    )
    with Accounts(
        app.client_id,
        app.client_secret,
        client_secrets={"eu": "for-eu-only"},
        redirect_url="https://app.example.com/callback",
        data_centers=zoho.data_centers,
        clock=zoho.clock,
    ) as accounts:
        keeper = Keeper(store, accounts)
        for email, secret in (
            ("alice@example.com", app.client_secret),
            ("carol@example.eu", "for-eu-only"),
        ):
            url = keeper.authorization_url(SCOPES)
            token = keeper.complete_login(zoho.consent(url, user=email))
            assert token.client_secret == secret
            assert keeper.refresh(email).access_token != token.access_token


def test_one_secret_does_not_do_for_all_where_there_are_two(
    zoho: Sandbox, store: TokenStore
) -> None:
    uri = "https://app.example.com/callback"
    app = zoho.add_client(redirect_uris=[uri], secrets={"eu": "for-eu-only"})
    with Accounts(
        app.client_id,
        app.client_secret,
        redirect_url=uri,
        data_centers=zoho.data_centers,
        clock=zoho.clock,
    ) as accounts:
        keeper = Keeper(store, accounts)
        url = keeper.authorization_url(SCOPES)
        with pytest.raises(InvalidClient) as caught:
            keeper.complete_login(zoho.consent(url, user="carol@example.eu"))
    assert "another secret in each data center" in str(caught.value)
    assert exchanges(zoho) == 1


def test_pkce_ties_the_code_to_who_began(
    zoho: Sandbox, store: TokenStore, accounts: Accounts
) -> None:
    keeper, without = Keeper(store, accounts, pkce=True), Keeper(store, accounts)
    assert keeper.complete_login(zoho.consent(keeper.authorization_url(SCOPES))).id
    stolen = zoho.consent(keeper.authorization_url(SCOPES))
    with pytest.raises(CodeSpent):
        without.complete_login(stolen)
    # PKCE's verifier is derived: another worker of the same app can complete the login.
    assert Keeper(store, accounts, pkce=True).complete_login(stolen).id


def test_a_login_that_a_client_without_a_redirect_url_cannot_begin(zoho: Sandbox) -> None:
    accounts = Accounts("1000.ID", "s", data_centers=zoho.data_centers)
    with pytest.raises(ConfigError, match="redirect"):
        Keeper(MemoryStore(), accounts).authorization_url(SCOPES)


def test_identity_is_asked_for_only_where_it_is_needed(keeper: Keeper) -> None:
    def scopes(*wanted: str, user: str | None = None) -> str:
        query = urlsplit(keeper.authorization_url(wanted, user)).query
        return dict(parse_qsl(query))["scope"]

    identity = "ZohoCRM.users.READ,ZohoCRM.org.READ"
    leads = "ZohoCRM.modules.READ"
    assert scopes(leads) == f"{leads},{identity}"
    assert scopes(leads, user="alice@example.com") == f"{leads},{identity}"
    assert scopes(leads, user="tenant-7") == leads
    assert scopes("A.b.READ") == "A.b.READ,AaaServer.profile.READ"
    have = ("ZohoCRM.users.ALL", "zohocrm.org.read")
    assert scopes(*have) == ",".join(have)


def test_the_browser_is_told_no_secret(zoho: Sandbox, keeper: Keeper, back: Back) -> None:
    url = keeper.authorization_url(SCOPES, "alice@example.com", session="cookie-1")
    assert zoho.client.client_secret not in url
    assert "cookie-1" not in url


def test_who_is_expected_is_compared_with_who_logs_in(
    zoho: Sandbox, keeper: Keeper, back: Back
) -> None:
    token: Token = keeper.complete_login(back(user="Alice@Example.com"))
    assert token.user_name
    again = keeper.complete_login(back(user=token.user_name))
    assert again.id == token.id
    with pytest.raises(ConsentDenied, match=r"bob@example\.com:\d+ logged in, not alice"):
        keeper.complete_login(back("bob@example.com", user="alice@example.com"))
    assert keeper.find("bob@example.com").refresh_token
    assert keeper.find("alice@example.com") == again
