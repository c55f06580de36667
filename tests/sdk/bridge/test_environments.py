"""Where the SDK's calls go: the program's environment and its flag decide, as far as it asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from evergrant import ZOHO, Token, TokenStore, open_store
from evergrant.errors import ConfigError
from evergrant.sandbox import Sandbox
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import (
    UNINITIALIZED,
    SDKConfig,
    remember_followed,
    requested_environment,
    sdk_config,
)
from tests.support.sdk.bridge import ALICE, Asked
from tests.support.servers.scripted_server import saying, serving

KINDS = ("api_url", "sandbox_url", "developer_url")
TOKEN = "/oauth/v2/token"
CODES = ZOHO.codes


def of(code: str, kind: str, *, follows: bool = True) -> SDKConfig | None:
    where = ZOHO.by_code(code)
    url = getattr(where, kind)
    return url and SDKConfig(f"{where.accounts_url}{TOKEN}", url, follows_tokens=follows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", CODES)
def test_update_api_domain_false_keeps_every_environment(code: str, kind: str) -> None:
    config = of(code, kind, follows=False)
    for other in CODES if config else ():
        for named in (*ZOHO.by_code(other).api_urls, None, "", "HTTPS://WWW.ZohoAPIs.COM/", "x"):
            assert config
            assert config.api_domain(named, ZOHO) == config.api_url, named


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("code", CODES)
def test_who_asked_for_a_sandbox_never_goes_to_production(code: str, kind: str) -> None:
    config = of(code, kind)
    for other in CODES if config else ():
        where = ZOHO.by_code(other)
        for named in (*where.api_urls, f"{where.api_url.upper()}/"):
            assert config
            if getattr(where, kind):
                assert config.api_domain(named, ZOHO) == getattr(where, kind), named
            else:
                with pytest.raises(ConfigError, match="no environment"):
                    config.api_domain(named, ZOHO)


@pytest.mark.parametrize("code", CODES)
def test_who_asked_for_production_goes_where_the_token_lives(code: str) -> None:
    config = of(code, "api_url")
    assert config
    for other in CODES:
        for named in ZOHO.by_code(other).api_urls:
            assert config.api_domain(named, ZOHO) == named
    assert config.api_domain(None, ZOHO) == config.api_url


def test_an_environment_of_the_programs_own_is_where_its_tokens_are_used() -> None:
    us = ZOHO.by_code("us")
    gateway = SDKConfig(f"{us.accounts_url}{TOKEN}", "https://zoho.gateway.example")
    assert gateway.api_domain(us.api_url, ZOHO) == "https://zoho.gateway.example"
    known, home = gateway.data_centers(ZOHO)
    assert home.is_fixed
    assert known.by_api_domain("https://zoho.gateway.example") is home
    mock = SDKConfig(f"http://127.0.0.1:9{TOKEN}", "http://127.0.0.1:9")
    eu = ZOHO.by_code("eu").api_url
    assert mock.api_domain(eu, ZOHO) == eu, "its token must not be shown to another server"


def test_what_the_sdk_switched_to_is_not_what_the_program_asked_for() -> None:
    environment = SimpleNamespace(url="https://www.zohoapis.com", accounts_url="https://a")
    program = SimpleNamespace(environment=environment)
    assert requested_environment(program) is environment
    remember_followed(program, "https://sandbox.zohoapis.com")
    program.environment = SimpleNamespace(url="https://sandbox.zohoapis.com", accounts_url="x")
    assert requested_environment(program) is environment
    own = SimpleNamespace(url="https://www.zohoapis.eu", accounts_url="https://b")
    program.environment = own  # the program itself
    assert requested_environment(program) is own


def test_the_flag_is_read_from_the_sdks_configuration() -> None:
    environment = SimpleNamespace(url="https://www.zohoapis.com", accounts_url="https://a")

    def follows(config: object, **default: bool) -> bool:
        program = SimpleNamespace(environment=environment, sdk_config=config, request_proxy=None)
        return sdk_config(program, **default).follows_tokens

    assert not follows(SimpleNamespace(apply_api_domain_update=lambda: False))
    assert follows(SimpleNamespace(apply_api_domain_update=lambda: True), follows_tokens=False)
    assert follows(SimpleNamespace())
    assert not follows(SimpleNamespace(), follows_tokens=False)


def test_a_sandbox_login_whose_answer_names_production_stays_in_the_sandbox(
    bridge: SDKBridge, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    home = zoho.data_centers.by_code("us")
    config = SDKConfig(f"{home.accounts_url}{TOKEN}", home.sandbox_url)
    bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), config, find_user=False)
    (row,) = store.get_tokens()
    assert row.api_domain == home.sandbox_url
    zoho.clock.advance(hours=2)
    refreshed = bridge.resolve(Token(id=row.id), config)
    assert refreshed
    assert refreshed.access_token != row.access_token
    assert refreshed.api_domain == home.sandbox_url, "a refresh moved it to production"


REAL = (
    b'{"access_token": "1000.a", "refresh_token": "1000.r", "expires_in": 3600, '
    b'"api_domain": "https://www.zohoapis.com"}'
)


def said(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


@pytest.mark.parametrize("follows", [True, False])
def test_a_mock_whose_answer_names_the_real_domain_does_not_lose_the_grant(
    tmp_path: Path, *, follows: bool
) -> None:
    with (
        serving(saying(said(REAL))) as mock,
        open_store(f"sqlite:///{tmp_path}/t.db") as store,
    ):
        config = SDKConfig(f"{mock.url}{TOKEN}", mock.url, follows_tokens=follows)
        bridge = SDKBridge(store, lifeboat=tmp_path)
        asked = Token(client_id="1000.C", client_secret="s", grant_token="1000.code")
        answer = bridge.resolve(asked, config, find_user=False)
        (row,) = store.get_tokens()
        assert answer == row
        assert (row.refresh_token, row.api_domain) == ("1000.r", mock.url)
        assert bridge.routed(row, config) == row
        store.save_token(replace(row, expires_at=row.created_at))
        assert bridge.resolve(asked, config, find_user=False)
        bridge.close()
        assert [b"grant_type=refresh_token" in request for request in mock.seen] == [False, True]


def test_before_initialize_no_secret_is_sent_anywhere(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    with pytest.raises(ConfigError, match="nothing was sent"):
        bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), UNINITIALIZED)
    with pytest.raises(ConfigError, match="nothing was sent"):
        bridge.resolve(asked(refresh_token="1000.r"), UNINITIALIZED)
    assert bridge.resolve(asked(), UNINITIALIZED) is None
    assert len(zoho.calls) == 0
    code = asked(grant_token=zoho.grant_code(ALICE))
    taken = bridge.resolve(code, config)
    assert taken, "the code was not used up"
    calls = len(zoho.calls)
    assert bridge.resolve(code, UNINITIALIZED) == taken, "what is stored and works needs no Zoho"
    zoho.clock.advance(hours=2)
    for ask in (
        lambda: bridge.resolve(code, UNINITIALIZED),
        lambda: bridge.revoke(str(taken.id), UNINITIALIZED),
        lambda: bridge.replace_rejected(taken, UNINITIALIZED),
    ):
        with pytest.raises(ConfigError, match="nothing was sent"):
            ask()
    assert len(zoho.calls) == calls
    assert len(store.get_tokens()) == 1
    assert bridge.resolve(code, config)
