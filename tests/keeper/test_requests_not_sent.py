"""What surely did not leave is not counted: neither of Zoho's ten, nor as a code that was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant._oauth.errors import error_from_response
from evergrant._oauth.identity import parse_current_user
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant._oauth.protocol import parse_revocation
from evergrant.errors import (
    AccountsUnavailable,
    ConfigError,
    EvergrantError,
    OAuthError,
    Throttled,
    UntrustedServer,
)
from evergrant.sandbox import Sandbox

LogIn = Callable[[str], Token]
Count = Callable[[], int]

ALICE = "alice@example.com"

SETTINGS = {
    "a CA file that is not there": {"SSL_CERT_FILE": "/nowhere/ca.pem"},
    "a CA folder that is not there": {"SSL_CERT_DIR": "/nowhere/certs"},
    "a CA file of something else": {"SSL_CERT_FILE": __file__},
    "a SOCKS proxy without its package": {"HTTPS_PROXY": "socks5://127.0.0.1:1"},
    "a proxy of no known scheme": {"https_proxy": "ftp://127.0.0.1:1"},
    "a proxy that is no address": {"ALL_PROXY": "http://me:canary@127.0.0.1:port"},
}


@pytest.fixture
def misset(zoho: Sandbox, store: TokenStore, tmp_path: Path) -> Iterator[Keeper]:
    """Make a Keeper of a process whose settings let nothing leave."""
    with Accounts(
        zoho.client.client_id,
        zoho.client.client_secret,
        data_centers=zoho.data_centers,
        clock=zoho.clock,
        sleep=lambda seconds: None,
    ) as accounts:
        yield Keeper(store, accounts, lifeboat=tmp_path / "other")


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_that_lets_nothing_leave_uses_up_nothing(
    zoho: Sandbox,
    keeper: Keeper,
    misset: Keeper,
    log_in: LogIn,
    refreshes: Count,
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=1)
    code = zoho.grant_code("bob@example.com", self_client=True)
    with monkeypatch.context() as patch:
        for name, value in SETTINGS[setting].items():
            patch.setenv(name, value)
        asks: list[Callable[[], object]] = [partial(misset.access_token, ALICE)] * 12
        asks.append(partial(misset.login_with_code, code))
        for ask in asks:
            with pytest.raises(ConfigError) as caught:
                ask()
            assert next(iter(SETTINGS[setting])) in str(caught.value)
            assert "canary" not in str(caught.value)
    assert refreshes() == 0
    for _ in range(10):
        keeper.refresh(ALICE)
    assert keeper.login_with_code(code).user_name
    # And by the process itself, once its settings are mended.
    zoho.clock.advance(hours=2)
    assert misset.access_token(ALICE)


def test_a_server_that_cannot_be_reached_uses_up_nothing(
    zoho: Sandbox, store: TokenStore, keeper: Keeper, log_in: LogIn, tmp_path: Path
) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=1)
    code = zoho.grant_code("bob@example.com", self_client=True)

    def unreachable(call: HttpRequest) -> HttpResponse:
        raise AccountsUnavailable("no answer", sent=False)

    accounts = Accounts(
        zoho.client.client_id,
        zoho.client.client_secret,
        data_centers=zoho.data_centers,
        clock=zoho.clock,
        send=unreachable,
        sleep=lambda seconds: None,
    )
    other = Keeper(store, accounts, lifeboat=tmp_path / "other")
    for _ in range(4):
        with pytest.raises(AccountsUnavailable):
            other.access_token(ALICE)
    with pytest.raises(AccountsUnavailable):
        other.login_with_code(code)
    assert keeper._manager._rate_limiter.recent_failure(keeper.find(ALICE)) is None
    for _ in range(10):
        keeper.refresh(ALICE)
    assert keeper.login_with_code(code).user_name


@pytest.mark.parametrize("word", ["invalid_code", "invalid_client", "invalid_grant"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_in_trouble_says_nothing_of_the_grant(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, status: int, word: str
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(hours=1)
    body = b'{"error":"%s"}' % word.encode()
    zoho.faults.server_error(status=status, body=body, times=3)
    with pytest.raises(AccountsUnavailable) as caught:
        keeper.access_token(ALICE)
    assert caught.value.retryable
    zoho.faults.server_error(status, body, "/oauth/v2/token/revoke", times=3)
    with pytest.raises(AccountsUnavailable):
        keeper.revoke(ALICE)
    assert keeper.store.get_tokens() == [token]
    code = zoho.grant_code("bob@example.com", self_client=True)
    zoho.faults.clear()
    zoho.faults.server_error(status=status, body=body)
    with pytest.raises(AccountsUnavailable):
        keeper.login_with_code(code)
    assert keeper.login_with_code(code).user_name, "the code is not counted as sent"


@pytest.mark.parametrize("status", [302, 307])
def test_a_network_that_wants_a_login_of_its_own_is_passing_trouble(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, status: int
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(minutes=59, seconds=30)
    zoho.faults.server_error(status=status, body=b"", times=None)
    assert keeper.access_token(ALICE) == token.access_token, "it works for a moment still"
    code = zoho.grant_code("bob@example.com", self_client=True)
    with pytest.raises(UntrustedServer) as caught:
        keeper.login_with_code(code)
    assert caught.value.retryable
    zoho.faults.clear()
    assert keeper.login_with_code(code).user_name


def test_a_server_that_says_when_to_come_back_is_left_alone_until_then() -> None:
    now = datetime(2026, 7, 1, tzinfo=UTC)
    waits = {
        "120": 120,
        "0": 1,
        "99999999999999": 600,
        "Wed, 01 Jul 2026 00:03:00 GMT": 180,
        "Tue, 30 Jun 2026 00:00:00 GMT": 1,
    }
    for said, seconds in waits.items():
        busy = HttpResponse(429, {"retry-after": said}, b'{"error":"invalid_code"}')
        told = error_from_response(busy, busy.json_object(), now=now, grant_type="refresh_token")
        for error in (
            told,
            _raised(partial(parse_revocation, busy, now=now)),
            _raised(partial(parse_current_user, busy, now=now)),
        ):
            assert isinstance(error, Throttled)
            assert error.retry_at == now + timedelta(seconds=seconds)
    nonsense = HttpResponse(429, {"retry-after": "soon"}, b"")
    assert type(_raised(lambda: parse_revocation(nonsense, now=now))) is AccountsUnavailable


def _raised(call: Callable[[], object]) -> EvergrantError:
    with pytest.raises(OAuthError) as caught:
        call()
    return caught.value
