"""What the official SDK's configuration says about the connection to Zoho."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from evergrant.datacenter import DataCenter, DataCenters, origin_of
from evergrant.errors import ConfigError, UntrustedServer

__all__ = ["UNINITIALIZED", "SDKConfig", "remember_followed", "requested_environment", "sdk_config"]

DEFAULT_TIMEOUT_S = 10.0
"""The timeout of a token request if the SDK's configuration has none (it would wait for ever)."""


@dataclass(frozen=True, slots=True)
class SDKConfig:
    """Zoho's addresses in the SDK's environment, and how to connect to them.

    Attributes:
        accounts_url: The environment's accounts server, or None if the SDK is not initialised.
        api_url: The environment's API.
        timeout: Seconds to wait for each part of a response.
        proxy: The URL of the proxy, with its password.
        follows_tokens: Whether a token's API domain may lead to another address than the
            environment (``SDKConfig(update_api_domain=...)``).
    """

    accounts_url: str | None = None
    api_url: str | None = None
    timeout: float = DEFAULT_TIMEOUT_S
    proxy: str | None = field(default=None, repr=False)
    follows_tokens: bool = True

    def data_centers(self, known: DataCenters) -> tuple[DataCenters, DataCenter]:
        """Return the data centers that secrets may be sent to, and the one of this environment.

        An environment that the program defined, such as a local one for tests, is added to the
        known ones: unlike a redirect's parameters, it does not come from outside.

        Raises:
            ConfigError: The environment is not an address that secrets may be sent to.
        """
        if not self.accounts_url:
            return known, known.by_code(known.codes[0])
        # The SDK's URL is that of the token endpoint, whose path is the same everywhere.
        accounts, api = origin_of(self.accounts_url), origin_of(self.api_url)
        if not accounts or not api:
            raise ConfigError(
                "the SDK's environment has no usable address",
                hint="Give DataCenter.Environment https://host addresses.",
            )
        with suppress(UntrustedServer):
            home = known.by_accounts_url(accounts)
            if known.by_api_domain(api) is home:
                return known, home
        home = replace(DataCenter.custom(accounts, api), is_fixed=True)
        members = (known.by_code(code) for code in known.codes)
        return DataCenters(home, *members), home

    def require_initialized(self) -> None:
        """Refuse to send anything before the SDK is initialised.

        Raises:
            ConfigError: The SDK is not initialised.
        """
        if not self.accounts_url:
            raise ConfigError(
                "the SDK is not initialised, so nothing was sent to Zoho",
                hint="Call Initializer.initialize(environment, token, store=store) first.",
            )

    def api_domain(self, named: str | None, known: DataCenters) -> str | None:
        """Return the API domain for a token, in the environment that the program asked for.

        If tokens may lead to their own data center, it is there. A program that asked for a
        sandbox or developer environment gets the same one there, never production.

        Args:
            named: The token's API domain.

        Raises:
            ConfigError: The token's data center has no such environment.
        """
        own, asked = origin_of(named), origin_of(self.api_url)
        if asked is None or own == asked:
            return own
        if own is None or not self.follows_tokens:
            return asked
        known, home = self.data_centers(known)
        try:
            where = known.by_api_domain(own)
        except UntrustedServer:
            return own  # refused later, before anything is sent there
        if where.accounts_url == home.accounts_url:
            return own if asked == origin_of(home.api_url) and not home.is_fixed else asked
        kinds = {
            origin_of(getattr(home, kind)): kind for kind in _NON_PRODUCTION if getattr(home, kind)
        }
        if asked not in kinds:
            return own
        if there := getattr(where, kinds[asked]):
            return origin_of(there)
        raise ConfigError(
            f"the token belongs to data center {where.code!r}, where Zoho has no environment "
            f"like {asked}",
            hint="Initialise the SDK with that data center's production environment.",
        )


_NON_PRODUCTION = ("sandbox_url", "developer_url")

UNINITIALIZED = SDKConfig()


def sdk_config(initializer: Any, *, follows_tokens: bool = True) -> SDKConfig:
    """Return the environment, timeout, proxy and flag that the SDK was initialised with.

    Args:
        initializer: The SDK's ``Initializer``, or None.
        follows_tokens: Whether this SDK follows a token's API domain, if its configuration does
            not say.

    Raises:
        ConfigError: The proxy is not an HTTP proxy.
    """
    environment = requested_environment(initializer)
    if environment is None:
        return UNINITIALIZED
    config = initializer.sdk_config
    flag = getattr(config, "apply_api_domain_update", lambda: follows_tokens)
    return SDKConfig(
        environment.accounts_url,
        environment.url,
        _timeout(config),
        _proxy(initializer.request_proxy),
        bool(flag()),
    )


def requested_environment(initializer: Any) -> Any:
    """Return the environment that the program asked for, or None if the SDK is not initialised.

    The SDK replaces it by that of the token it used last, for the next user too.
    """
    now = getattr(initializer, "environment", None)
    before = getattr(initializer, _REQUESTED, None)
    led = getattr(initializer, _FOLLOWED, ())
    if now is None or before is None or before is now:
        asked = now
    else:
        asked = before if origin_of(now.url) in led else now
    if asked is not None:
        setattr(initializer, _REQUESTED, asked)
    return asked


def remember_followed(initializer: Any, api_domain: str | None) -> None:
    """Remember that the SDK is about to use a token's API domain as its environment."""
    if initializer is not None and (found := origin_of(api_domain)):
        setattr(
            initializer, _FOLLOWED, (*getattr(initializer, _FOLLOWED, ())[-MAX_FOLLOWED:], found)
        )


_REQUESTED, _FOLLOWED = "evergrant_asked", "evergrant_led"
MAX_FOLLOWED = 20
"""How many API domains are remembered: more than Zoho has."""


def _timeout(config: Any) -> float:
    # The SDKs of the 2.0 line have no timeouts in their configuration.
    names = ("get_read_timeout", "get_connect_timeout")
    given = [getattr(config, name)() for name in names if hasattr(config, name)]
    return max((float(value) for value in given if value), default=DEFAULT_TIMEOUT_S)


def _proxy(proxy: Any) -> str | None:
    # The getters of the SDK's RequestProxy have no return statement, in any version: the values
    # are only in its private attributes.
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
