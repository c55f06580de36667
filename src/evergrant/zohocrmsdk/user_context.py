"""The SDK's current user, bound to a thread, pool job or asyncio task, not to the process."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, NamedTuple, TypeVar, cast

from zohocrmsdk.src.com.zoho.api.authenticator.token import Token as AbstractToken
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature

from evergrant.datacenter import origin_of
from evergrant.errors import ConfigError, UntrustedServer
from evergrant.token import Token
from evergrant.zohocrmsdk.bridge import SDKBridge, bridge_of
from evergrant.zohocrmsdk.oauth_token import OAuthToken
from evergrant.zohocrmsdk.sdk_config import requested_environment, sdk_config
from evergrant.zohocrmsdk.token_mapping import raising_sdk_errors

__all__ = ["NoUser", "acting_as"]

F = TypeVar("F", bound=Callable[..., Any])


class _BoundUser(NamedTuple):
    """The initializer that one `acting_as` makes the SDK use."""

    key: object
    initializer: Any


_bound_users: ContextVar[tuple[_BoundUser, ...]] = ContextVar("evergrant_roles", default=())


class _ContextLocal:
    """Replaces the SDK's ``Initializer.LOCAL``: looks at the context first, then at the thread.

    The SDK keeps the current user in a thread-local variable. But tasks share a thread, and in a
    pool, the next job would find the user of the last one.
    """

    def __init__(self, own: Any) -> None:
        self.own = own

    @property
    def init(self) -> Any:
        roles = _bound_users.get()
        return roles[-1].initializer if roles else getattr(self.own, "init", None)

    @init.setter
    def init(self, initializer: Any) -> None:
        if roles := _bound_users.get():
            # a switch_user inside acting_as lasts until acting_as ends
            _bound_users.set((*roles[:-1], roles[-1]._replace(initializer=initializer)))
        else:
            self.own.init = initializer


class _ActingAs:
    def __init__(self, user: str, client_id: str | None) -> None:
        self._user = user
        self._client_id = client_id

    def __enter__(self) -> None:
        with raising_sdk_errors(SDKException):
            initializer = _initializer_of(self._user, self._client_id)
        # Without a lock: if two threads replace it at once, both replacements behave the same.
        if not isinstance(Initializer.LOCAL, _ContextLocal):
            Initializer.LOCAL = _ContextLocal(Initializer.LOCAL)
        _bound_users.set((*_bound_users.get(), _BoundUser(self, initializer)))

    def __exit__(self, *error: object) -> None:
        # Remove only ours, at any position: generators end in any order, and in any context.
        roles = _bound_users.get()
        for at in reversed(range(len(roles))):
            if roles[at].key is self:
                _bound_users.set((*roles[:at], *roles[at + 1 :]))
                break

    def __call__(self, function: F) -> F:
        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise ConfigError(
                f"acting_as cannot decorate {function.__qualname__}: between two values of a "
                "generator its caller would act as the user",
                hint="Use `with acting_as(user):` around the SDK calls, without a yield.",
            )

        @wraps(function)
        def acting(*arguments: Any, **named: Any) -> Any:
            with _ActingAs(self._user, self._client_id):
                return function(*arguments, **named)

        @wraps(function)
        async def acting_later(*arguments: Any, **named: Any) -> Any:
            with _ActingAs(self._user, self._client_id):
                return await function(*arguments, **named)

        return cast("F", acting_later if iscoroutinefunction(function) else acting)


def acting_as(user: str, *, client_id: str | None = None) -> _ActingAs:
    """Make the SDK's calls in the block as one user; also a decorator, for coroutines too.

    It applies only to the running thread, or to the running asyncio task and what that passes to
    ``asyncio.to_thread``. The previous user is always restored. Do not yield in the block of a
    generator: between two values, the caller's code would run as this user. The SDK must be
    initialised with a store of `token_store`; its token can be `NoUser`.

    Args:
        user: ``email:zgid``, or only the address if it matches one token.
        client_id: The client of the token, if several clients share the store.

    Raises:
        SDKException: There is no such user, or the store is not one of ours; the cause is an
            `evergrant.errors.EvergrantError`.
        ConfigError: It decorates a generator.
    """
    return _ActingAs(user, client_id)


class NoUser(AbstractToken):  # for an SDK that is initialised before any user logs in
    """``Initializer.initialize(environment, NoUser(), store=...)``, for programs with `acting_as`.

    A call outside of `acting_as` fails, instead of running as the first user.
    """

    def authenticate(self, url_connection: Any) -> None:  # noqa: ARG002 - the SDK's interface
        """Refuse to sign a call.

        Raises:
            SDKException: Always.
        """
        with raising_sdk_errors(SDKException):
            raise ConfigError("no user is set", hint="Call the SDK inside acting_as(user).")

    def remove(self) -> bool:
        """Return False: there is nothing to remove."""
        return False

    def generate_token(self) -> None:
        """Do nothing: no token is needed."""

    get_token = generate_token


def _initializer_of(user: str, client_id: str | None) -> Any:
    base = Initializer.initializer  # the process's initializer, even inside another acting_as
    bridge = bridge_of(base)
    if bridge is None:
        raise ConfigError(
            "the SDK was not initialised with a store of evergrant's",
            hint="Call Initializer.initialize(environment, NoUser(), store=token_store(url)).",
        )
    stored = bridge.lookup.find_by_name(user, client_id)
    # A copy: what the SDK changes for this user, it must not change for others.
    own = copy.copy(base)
    own.environment = _environment(stored, bridge, base)
    own.token = OAuthToken(
        id=stored.id,
        client_id=stored.client_id,
        user_signature=UserSignature(stored.user_name),
    )
    return own


def _environment(stored: Token, bridge: SDKBridge, base: Any) -> Any:
    """Return the environment that the program asked for, in the token's data center."""
    domain = origin_of(bridge.routed(stored, sdk_config(base)).api_domain)
    current = requested_environment(base)
    environment = copy.copy(current)
    if domain is None or domain == origin_of(current.url):
        return environment
    try:
        where = bridge.data_centers.by_api_domain(domain)
    except UntrustedServer:
        return environment  # defined by the program, like the current one
    environment.url = domain
    environment.accounts_url = f"{where.accounts_url}/oauth/v2/token"
    environment.file_upload_url = where.upload_url or domain
    return environment
