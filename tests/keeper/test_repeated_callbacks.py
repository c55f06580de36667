"""A redirect that comes again, and a login that brings less than was asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from evergrant import Keeper
from evergrant.errors import (
    CodeSpent,
    ConfigError,
    ConsentDenied,
    LoginRequired,
    NoRefreshToken,
    UntrustedServer,
)
from evergrant.sandbox import Sandbox

TOKEN_PATH = "/oauth/v2/token"

Back = Callable[..., str]


@pytest.fixture
def back(zoho: Sandbox, keeper: Keeper) -> Back:
    """Begin a login, consent, and return the URL that the browser is sent back to."""

    def back(email: str = "alice@example.com", **login: str | bool | None) -> str:
        url = keeper.authorization_url(["ZohoCRM.modules.ALL"], **login)  # type: ignore[arg-type]
        return zoho.consent(url, user=email)

    return back


def exchanges(zoho: Sandbox) -> int:
    return zoho.calls.count(path=TOKEN_PATH)


def test_a_redirect_that_comes_again_in_its_session_is_answered_by_its_login(
    zoho: Sandbox, keeper: Keeper, back: Back, new_keeper: Callable[[], Keeper]
) -> None:
    redirect = back(session="the browser's")
    first = keeper.complete_login(redirect, session="the browser's", repeatable=True)
    assert new_keeper().complete_login(redirect, session="the browser's", repeatable=True) == first
    assert exchanges(zoho) == 1
    with pytest.raises(CodeSpent):
        keeper.complete_login(redirect, session="the browser's")
    with pytest.raises(UntrustedServer):
        keeper.complete_login(redirect, session="another's", repeatable=True)
    keeper.forget("alice@example.com")
    with pytest.raises(CodeSpent):
        keeper.complete_login(redirect, session="the browser's", repeatable=True)


def test_a_redirect_that_comes_twice_at_once_logs_in_once(
    zoho: Sandbox, back: Back, new_keeper: Callable[[], Keeper]
) -> None:
    redirect = back(session="s")
    zoho.faults.latency(0.2)
    workers = [new_keeper(), new_keeper()]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(
            lambda w: w.complete_login(redirect, session="s", repeatable=True), workers
        )
    assert first.id == second.id
    assert first.user_name == second.user_name
    assert exchanges(zoho) == 1


def test_somebody_elses_redirect_that_comes_again_is_denied_again(
    keeper: Keeper, back: Back, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergrant._core.enrollment.EXCHANGE_TIMEOUT_S", 0.2)  # it stores nothing
    redirect = back("bob@example.com", session="s", user="alice@example.com")
    for _ in range(2):
        with pytest.raises(ConsentDenied):
            keeper.complete_login(redirect, session="s", repeatable=True)


def test_a_login_beside_a_dead_grant_does_not_live_on_its_refresh_token(
    zoho: Sandbox, keeper: Keeper, back: Back
) -> None:
    first = keeper.complete_login(back())
    keeper.store.save_token(
        replace(first, refresh_token="1000.dead"), expected_version=first.version
    )
    with pytest.raises(LoginRequired):
        keeper.refresh("alice@example.com")
    with pytest.raises(NoRefreshToken, match="prompt_consent"):
        keeper.complete_login(back())
    assert keeper.complete_login(back(prompt_consent=True)).refresh_token


def test_a_scope_as_text_is_one_scope(keeper: Keeper) -> None:
    url = keeper.authorization_url("ZohoCRM.modules.ALL", "tenant-7")
    assert dict(parse_qsl(urlsplit(url).query))["scope"] == "ZohoCRM.modules.ALL"
    for nothing in ("", [], ["a b", "&"]):
        with pytest.raises(ConfigError, match="scope"):
            keeper.authorization_url(nothing, "tenant-7")
