"""The SDK's configuration says where Zoho is: taken at its word where it is the program's own."""

from __future__ import annotations

import traceback
from types import SimpleNamespace

import pytest

from evergrant import ZOHO
from evergrant.errors import ConfigError
from evergrant.zohocrmsdk.sdk_config import DEFAULT_TIMEOUT_S, UNINITIALIZED, SDKConfig, sdk_config

EU = SimpleNamespace(
    url="https://www.zohoapis.eu", accounts_url="https://accounts.zoho.eu/oauth/v2/token"
)


class Proxy:
    """As the SDK's RequestProxy, whose getters answer nothing."""

    def __init__(self, host: str, port: int, user: str | None, password: str = "") -> None:
        self._RequestProxy__host = host
        self._RequestProxy__port = port
        self._RequestProxy__user = user
        self._RequestProxy__password = password

    def get_host(self) -> None:
        """Answer nothing, as the SDK's does."""


def config(read: float | None, connect: float | None) -> SimpleNamespace:
    return SimpleNamespace(get_read_timeout=lambda: read, get_connect_timeout=lambda: connect)


def initializer(**given: object) -> SimpleNamespace:
    base = {"environment": EU, "sdk_config": config(None, None), "request_proxy": None}
    return SimpleNamespace(**base | given)


def test_an_sdk_that_nobody_initialised_says_nothing() -> None:
    assert sdk_config(None) is UNINITIALIZED
    assert sdk_config(initializer(environment=None)) is UNINITIALIZED
    assert UNINITIALIZED.data_centers(ZOHO) == (ZOHO, ZOHO.by_code("us"))


def test_an_environment_of_zohos_is_its_data_center() -> None:
    known, home = sdk_config(initializer()).data_centers(ZOHO)
    assert known is ZOHO
    assert home.code == "eu"


def test_an_environment_of_the_programs_own_joins_zohos() -> None:
    here = SDKConfig("http://127.0.0.1:8790/oauth/v2/token", "http://127.0.0.1:8790")
    known, home = here.data_centers(ZOHO)
    assert home.accounts_url == "http://127.0.0.1:8790"
    assert known.by_code(home.code) is home
    assert set(known.codes) == {home.code, *ZOHO.codes}


@pytest.mark.parametrize(
    "accounts_url",
    ["http://accounts.example.com/oauth/v2/token", "accounts.zoho.eu", "ftp://x/", "https://a@b/"],
)
def test_an_address_that_secrets_may_not_go_to_is_refused(accounts_url: str) -> None:
    with pytest.raises(ConfigError):
        SDKConfig(accounts_url, "https://www.zohoapis.eu").data_centers(ZOHO)


def test_timeouts_of_the_sdk_hold_for_token_requests() -> None:
    assert sdk_config(initializer(sdk_config=config(7, 3))).timeout == 7
    assert sdk_config(initializer(sdk_config=config(None, 3))).timeout == 3
    assert sdk_config(initializer()).timeout == DEFAULT_TIMEOUT_S
    assert sdk_config(initializer(sdk_config=SimpleNamespace())).timeout == DEFAULT_TIMEOUT_S


def test_the_proxy_of_the_sdk_holds_too_and_its_password_does_not_show() -> None:
    config = sdk_config(initializer(request_proxy=Proxy("proxy.example", 3128, "me", "p@ss")))
    assert config.proxy == "http://me:p%40ss@proxy.example:3128"
    assert "p%40ss" not in repr(config)
    secure = sdk_config(initializer(request_proxy=Proxy("https://proxy.example", 443, None)))
    assert secure.proxy == "https://proxy.example:443"


@pytest.mark.parametrize("host", ["ftp://proxy.example", "socks5://proxy.example"])
def test_a_proxy_that_is_none_for_http_is_refused_before_its_password_is_read(host: str) -> None:
    proxy = Proxy(host, 1, "me", "canary-password")
    with pytest.raises(ConfigError, match="proxy") as refused:
        sdk_config(initializer(request_proxy=proxy))
    frames = traceback.walk_tb(refused.tb)
    assert "canary-password" not in "".join(repr(frame.f_locals) for frame, _ in list(frames)[1:])
