"""What the official SDK's configuration says about the way to Zoho."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from evergrant.datacenter import DataCenter, DataCenters, origin_of
from evergrant.errors import ConfigError, UntrustedServer

__all__ = ["NOWHERE", "Surroundings", "surroundings_of"]

TIMEOUT = 10.0
"""Seconds for a token request where the SDK's configuration names none (it would wait for ever)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the SDK's environment says that Zoho is, and how to get there.

    Attributes:
        accounts_url: The environment's; None: nobody has initialised the SDK yet.
        timeout: Seconds to wait for each part of an answer.
        proxy: The URL of the proxy to go through, with its password.
    """

    accounts_url: str | None = None
    api_url: str | None = None
    timeout: float = TIMEOUT
    proxy: str | None = field(default=None, repr=False)

    def data_centers(self, known: DataCenters) -> tuple[DataCenters, DataCenter]:
        """Return the data centers that may see a secret, and the one of this environment.

        An environment that the program itself made up, such as a local one for tests, joins those
        that are known: unlike a redirect's parameters, it does not come from outside.

        Raises:
            ConfigError: The environment is not an address that secrets may be sent to.
        """
        if not self.accounts_url:
            return known, known.by_code(known.codes[0])
        # The SDK's is the address of the token endpoint: its path is the same everywhere.
        accounts, api = origin_of(self.accounts_url), origin_of(self.api_url)
        if not accounts or not api:
            raise ConfigError(
                "the SDK's environment has no usable address",
                hint="Give DataCenter.Environment https://host addresses.",
            )
        try:
            return known, known.by_accounts_url(accounts)
        except UntrustedServer:
            home = DataCenter.custom(accounts, api)
            members = (known.by_code(code) for code in known.codes)
            return DataCenters(home, *members), home


NOWHERE = Surroundings()


def surroundings_of(initializer: Any) -> Surroundings:
    """Return what the SDK was initialised with: environment, timeouts and proxy.

    Raises:
        ConfigError: Its proxy is none for HTTP.
    """
    environment = getattr(initializer, "environment", None)
    if environment is None:
        return NOWHERE
    return Surroundings(
        environment.accounts_url,
        environment.url,
        _timeout(initializer.sdk_config),
        _proxy(initializer.request_proxy),
    )


def _timeout(config: Any) -> float:
    # The SDKs of the 2.0 line have no timeouts in their configuration.
    names = ("get_read_timeout", "get_connect_timeout")
    given = [getattr(config, name)() for name in names if hasattr(config, name)]
    return max((float(value) for value in given if value), default=TIMEOUT)


def _proxy(proxy: Any) -> str | None:
    # The getters of the SDK's RequestProxy have no return statement, in any version: what it was
    # given stands in its private attributes only.
    host = getattr(proxy, "_RequestProxy__host", None)
    if not host:
        return None
    scheme, _, host = host.rpartition("://")
    if scheme not in ("", "http", "https"):
        raise ConfigError(f"the SDK's proxy is {scheme}://{host}", hint="Use one of http or https.")
    port, user, password = (
        getattr(proxy, f"_RequestProxy__{name}", None) for name in ("port", "user", "password")
    )
    login = f"{quote(user, safe='')}:{quote(password or '', safe='')}@" if user else ""
    return f"{scheme or 'http'}://{login}{host}:{port}"
