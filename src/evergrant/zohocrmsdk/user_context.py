"""Whom the SDK acts as: bound to a thread, a pool's job or an asyncio task, not to the process."""

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
    """What one `acting_as` makes the SDK use."""

    key: object
    initializer: Any


_bound_users: ContextVar[tuple[_BoundUser, ...]] = ContextVar("evergrant_roles", default=())


class _ContextLocal:
    """In the place of the SDK's ``Initializer.LOCAL``: looks at the context before the thread.

    The SDK keeps the current user in a thread's local variables. Tasks share a thread, and the
    next job of a pool finds what the last one left.
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
            # switch_user inside acting_as ends with it
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
        # Without a lock: whichever of two threads puts its own there last, both look at the same.
        if not isinstance(Initializer.LOCAL, _ContextLocal):
            Initializer.LOCAL = _ContextLocal(Initializer.LOCAL)
        _bound_users.set((*_bound_users.get(), _BoundUser(self, initializer)))

    def __exit__(self, *error: object) -> None:
        # Ours alone, wherever it stands: generators end in any order, and in any context.
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
                hint="Use `with acting_as(user):` around what calls the SDK, without a yield.",
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
    """Make the SDK's calls in here those of one user; also a decorator, of coroutines too.

    It holds for the running thread, or for the running asyncio task and what that hands to
    ``asyncio.to_thread``, and for no other. The former user is restored in any case.
    Between the values of a generator the caller's code runs: do not yield in it. The SDK must
    have been initialised with a store of `token_store`; `NoUser` will do as its token.

    Args:
        user: ``email:zgid``, or the bare address where it fits one token.
        client_id: Whose token of that user, where several clients share the store.

    Raises:
        SDKException: There is no such user, or no store of ours; the cause is an
            `evergrant.errors.EvergrantError`.
        ConfigError: It decorates a generator.
    """
    return _ActingAs(user, client_id)


class NoUser(AbstractToken):  # the token of an SDK that is initialised before anybody logs in
    """``Initializer.initialize(environment, NoUser(), store=...)``: for those who use `acting_as`.

    A call outside of it fails, instead of acting as the first user.
    """

    def authenticate(self, url_connection: Any) -> None:  # noqa: ARG002 - the SDK's interface
        """Refuse to sign a call.

        Raises:
            SDKException: Always.
        """
        with raising_sdk_errors(SDKException):
            raise ConfigError("nobody acts here", hint="Call the SDK inside acting_as(user).")

    def remove(self) -> bool:
        """Say that there was nothing to remove."""
        return False

    def generate_token(self) -> None:
        """Need no token."""

    get_token = generate_token


def _initializer_of(user: str, client_id: str | None) -> Any:
    base = Initializer.initializer  # the process's own, even inside another acting_as
    bridge = bridge_of(base)
    if bridge is None:
        raise ConfigError(
            "the SDK was not initialised with a store of evergrant's",
            hint="Call Initializer.initialize(environment, NoUser(), store=token_store(url)).",
        )
    stored = bridge.lookup.find_by_name(user, client_id)
    # A copy: what the SDK switches for this user, it switches for no other.
    own = copy.copy(base)
    own.environment = _environment(stored, bridge, base)
    own.token = OAuthToken(
        id=stored.id,
        client_id=stored.client_id,
        user_signature=UserSignature(stored.user_name),
    )
    return own


def _environment(stored: Token, bridge: SDKBridge, base: Any) -> Any:
    """Return the environment for a token: in its data center, as the program asked for it."""
    domain = origin_of(bridge.routed(stored, sdk_config(base)).api_domain)
    current = requested_environment(base)
    environment = copy.copy(current)
    if domain is None or domain == origin_of(current.url):
        return environment
    try:
        where = bridge.data_centers.by_api_domain(domain)
    except UntrustedServer:
        return environment  # of the program's own making, as the current one is
    environment.url = domain
    environment.accounts_url = f"{where.accounts_url}/oauth/v2/token"
    environment.file_upload_url = where.upload_url or domain
    return environment
