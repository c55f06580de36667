"""The redirect that comes through a browser: nothing of it may be believed."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from evergrant._oauth.redirect import (
    LOGIN_WINDOW,
    LoginState,
    Redirect,
    StateSigner,
    parse_redirect,
)
from evergrant.datacenter import ZOHO
from evergrant.errors import ConsentDenied, UntrustedServer

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = StateSigner(b"the client's secret")
US = ZOHO.by_code("us")


def begun(user: str | None = "alice@example.com") -> LoginState:
    return LoginState.begin(NOW, "us", user)


@pytest.mark.parametrize("session", [None, "", "cookie-1"])
@pytest.mark.parametrize(
    "user", [None, "alice@example.com:42", "tenant.7", "o'brien@例え.jp", "💥"]
)
def test_a_state_comes_back_as_the_login_it_stands_for(
    user: str | None, session: str | None
) -> None:
    login = begun(user)
    state = login.state(KEY, session)
    assert LoginState.from_state(state, StateSigner(b"the client's secret"), session, NOW) == login


def test_no_two_logins_share_a_state() -> None:
    assert len({begun().state(KEY, None) for _ in range(50)}) == 50


def test_every_change_of_a_state_is_noticed() -> None:
    state = begun().state(KEY, "cookie-1")
    for index, char in enumerate(state):
        forged = state[:index] + ("A" if char != "A" else "B") + state[index + 1 :]
        with pytest.raises(UntrustedServer):
            LoginState.from_state(forged, KEY, "cookie-1", NOW)


@pytest.mark.parametrize(
    ("begun_in", "back_in"), [("cookie-1", "cookie-2"), ("cookie-1", None), (None, "x"), ("", None)]
)
def test_a_state_of_another_session_is_refused(begun_in: str | None, back_in: str | None) -> None:
    state = begun().state(KEY, begun_in)
    with pytest.raises(UntrustedServer):
        LoginState.from_state(state, KEY, back_in, NOW)


def test_a_state_that_another_app_signed_is_refused() -> None:
    with pytest.raises(UntrustedServer):
        LoginState.from_state(begun().state(StateSigner(b"x"), None), KEY, None, NOW)


@pytest.mark.parametrize(
    "state", ["", ".", "..", "a", "a.b", "a.b.c", "ä.ö", "\udc80.\udc81", "\0", "x" * 100_000]
)
def test_a_made_up_state_is_refused_whatever_it_is_made_of(state: str) -> None:
    with pytest.raises(UntrustedServer):
        LoginState.from_state(state, KEY, None, NOW)


def test_a_signature_does_not_pass_for_a_longer_state() -> None:
    state = begun().state(KEY, None)
    for forged in (state + ".", state + "=", "." + state, state.replace(".", "", 1)):
        with pytest.raises(UntrustedServer):
            LoginState.from_state(forged, KEY, None, NOW)


@pytest.mark.parametrize(
    "late", [LOGIN_WINDOW + timedelta(seconds=1), timedelta(days=400), timedelta(minutes=-6)]
)
def test_a_login_too_long_ago_or_from_the_future_is_refused(late: timedelta) -> None:
    state = begun().state(KEY, None)
    with pytest.raises(UntrustedServer):
        LoginState.from_state(state, KEY, None, NOW + late)


def test_workers_whose_clocks_differ_a_little_share_a_login() -> None:
    state = begun().state(KEY, None)
    LoginState.from_state(state, KEY, None, NOW - timedelta(minutes=4))
    LoginState.from_state(state, KEY, None, NOW + LOGIN_WINDOW)


def test_pkce_is_the_same_for_every_worker_and_another_for_every_login() -> None:
    login, other = begun(), begun()
    verifier = login.verifier(StateSigner(b"the client's secret")).reveal()
    assert verifier == login.verifier(KEY).reveal() != other.verifier(KEY).reveal()
    # RFC 7636: 43 to 128 unreserved characters; the challenge is the hash, in base64url.
    assert 43 <= len(verifier) <= 128
    hashed = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert login.challenge(KEY) == hashed
    assert verifier not in login.state(KEY, None)


def test_the_key_and_the_code_do_not_show() -> None:
    redirect = parse_redirect({"state": "s", "code": "1000.c"})
    shown = f"{KEY!r}{KEY}{redirect!r}{begun().verifier(KEY)!r}"
    assert "secret'" not in shown
    assert "1000" not in shown


BACK = (
    "state=s.1&code=1000.c.d&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu",
    "code=1000.c.d&state=s.1&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu&",
    "?state=s.1&code=1000.c.d&location=eu&accounts-server=https://accounts.zoho.eu&",
    "state=s.1&code=1000.c.d&location=eu&accounts-server=https://accounts.zoho.eu",
    "https://app.example.com/cb?state=s.1&code=1000.c.d&accounts-server=https://accounts.zoho.eu&#x",
    "http://127.0.0.1:8080/a=b?state=s.1&code=1000.c.d&location=eu",
    "/callback?state=s.1&code=1000.c.d&location=eu&accounts-server=https://accounts.zoho.eu",
    "/callback?state=s.1&code=1000.c.d&location=eu",
    "http://[::1?state=s.1&code=1000.c.d&location=eu",
)


@pytest.mark.parametrize("params", BACK)
def test_a_redirect_is_read_in_every_form_in_which_it_comes(params: str) -> None:
    redirect = parse_redirect(params)
    assert (redirect.state, redirect.code_or_raise()) == ("s.1", "1000.c.d")
    assert redirect.data_center(ZOHO, US).code == "eu"


def test_a_mapping_is_read_as_it_is() -> None:
    redirect = parse_redirect({"state": "s", "code": "c", "location": "us", "other": "x"})
    assert (redirect.state, redirect.code_or_raise(), redirect.location) == ("s", "c", "us")


@pytest.mark.parametrize(
    "params",
    [
        "",
        "?",
        "code=1000.c",
        "state=&code=1000.c",
        "state=a&state=b&code=1000.c",
        "state=a&code=1000.c&code=1000.d",
        "state=a&code=c&accounts-server=https://accounts.zoho.eu&accounts-server=https://evil.example",
        {},
        {"code": "1000.c"},
    ],
)
def test_a_redirect_without_a_state_or_with_a_parameter_twice_is_not_ours(
    params: dict[str, str] | str,
) -> None:
    with pytest.raises(UntrustedServer):
        LoginState.from_state(parse_redirect(params).state, KEY, None, NOW)


@pytest.mark.parametrize(
    "params", ["state=s&error=access_denied", "state=s&error=access_denied&code=1000.c", "state=s"]
)
def test_a_refusal_is_no_login_even_with_a_code(params: str) -> None:
    with pytest.raises(ConsentDenied) as caught:
        parse_redirect(params).code_or_raise()
    assert "1000" not in str(caught.value)


def test_a_refusal_says_why_and_repeats_nothing_but_a_word() -> None:
    with pytest.raises(ConsentDenied, match=r"\(access_denied\).*ten logins in ten minutes"):
        parse_redirect("error=access_denied").code_or_raise()
    with pytest.raises(ConsentDenied) as caught:
        parse_redirect("error=call+0900+123456+now").code_or_raise()
    assert "0900" not in str(caught.value)


STRANGERS = (
    "https://evil.example",
    "https://accounts.zoho.eu.evil.example",
    "https://accounts.zoho.eu@evil.example",
    "https://evil.example\\@accounts.zoho.eu",
    "https://evil.example#accounts.zoho.eu",
    "https://accounts.zoho.eu:8443",
    "https://accounts.zoho.eu/evil",
    "https://accounts.zoho.eu?evil",
    "http://accounts.zoho.eu",
    "//accounts.zoho.eu",
    "accounts.zoho.eu",
    "https://www.zoho.eu",
    "https://www.zohoapis.eu",
    "https://xn--accounts-zoho.eu",
    "https://accounts.zоho.eu",  # noqa: RUF001 - a Cyrillic o
    "https://accounts.zoho.eu\n",
    "https://accounts.zoho.ca",  # the name that Canada's should have, and has not
    "file:///etc/passwd",
    "https://[::1",
)


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("location", ["eu", None])
def test_a_stranger_is_no_accounts_server(stranger: str, location: str | None) -> None:
    redirect = Redirect("s", location=location, accounts_server=stranger)
    with pytest.raises(UntrustedServer):
        redirect.data_center(ZOHO, US)


@pytest.mark.parametrize(
    ("location", "server"),
    [
        ("us", "https://accounts.zoho.eu"),
        ("eu", "https://accounts.zoho.com"),
        ("mars", None),
        ("mars", "https://accounts.zoho.eu"),
        ("../eu", "https://accounts.zoho.eu"),
    ],
)
def test_location_and_accounts_server_must_be_zohos_and_agree(
    location: str, server: str | None
) -> None:
    with pytest.raises(UntrustedServer):
        Redirect("s", location=location, accounts_server=server).data_center(ZOHO, US)


@pytest.mark.parametrize("code", ZOHO.codes)
def test_each_data_center_is_known_by_either_name(code: str) -> None:
    server = ZOHO.by_code(code).accounts_url
    for redirect in (
        Redirect("s", location=code),
        Redirect("s", accounts_server=server),
        Redirect("s", accounts_server=server.upper() + "/"),
        Redirect("s", location=code, accounts_server=server),
    ):
        assert redirect.data_center(ZOHO, US).code == code


def test_a_redirect_that_names_no_data_center_is_of_the_one_that_was_asked() -> None:
    assert Redirect("s").data_center(ZOHO, ZOHO.by_code("in")).code == "in"
