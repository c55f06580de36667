"""The asynchronous Keeper: nothing blocks the event loop, and a cancelled task loses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self, overload

from evergrant._core.validity import NO_MINIMUM
from evergrant._oauth.redirect import parse_redirect
from evergrant.accounts import Accounts
from evergrant.keeper import Keeper
from evergrant.services import Service
from evergrant.stores.adapter import SixMethods
from evergrant.stores.base import TokenStore
from evergrant.token import Secret, Token, User

if TYPE_CHECKING:
    import httpx2

__all__ = ["AsyncKeeper"]


class AsyncKeeper:
    """Returns working access tokens to any number of asyncio or trio tasks.

    The methods are those of `evergrant.Keeper`, with the same meaning and the same errors.
    Blocking work runs in its own threads, which the event loop and other libraries do not share.
    Tasks that want the same token wait for one thread. A cached token needs no thread.

    A task may be cancelled at any moment (a timeout, a client that disconnects). It stops waiting,
    but the thread continues and saves what Zoho grants. The same holds for work that is left when
    `asyncio.run` ends, which waits for it for a minute at most.

    Args:
        keeper: Does the work. Threads may use it directly too. Make it before the loop runs,
            because opening a store blocks. Instead, pass the arguments of a Keeper.
    """

    @overload
    def __init__(self, keeper: Keeper, /) -> None: ...

    @overload
    def __init__(
        self, store: TokenStore | SixMethods, accounts: Accounts, /, **options: Any
    ) -> None: ...

    def __init__(
        self,
        keeper: Keeper | TokenStore | SixMethods,
        accounts: Accounts | None = None,
        /,
        **options: Any,
    ) -> None:
        if not isinstance(keeper, Keeper):
            if accounts is None:
                raise TypeError("give a Keeper, or the arguments of one: a store and accounts")
            keeper = Keeper(keeper, accounts, **options)
        self.keeper = keeper
        self._tokens = keeper.async_tokens

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Return an AsyncKeeper as the environment says; see `evergrant.Keeper.from_env`."""
        return cls(Keeper.from_env(**options))

    async def access_token(
        self, user: User | None = None, *, min_ttl: timedelta = NO_MINIMUM
    ) -> str:
        """Return a working access token of this user, as plain text."""
        token = await self.token(user, min_ttl=min_ttl)
        return str.__str__(token.access_token)

    async def token(self, user: User | None = None, *, min_ttl: timedelta = NO_MINIMUM) -> Token:
        """Return the whole token of this user, usable now; as `access_token`."""
        return await self._tokens.token(await self._named(user), min_ttl=min_ttl)

    async def find(self, user: User | None = None) -> Token:
        """Return the newest token of this user, expired or not."""
        return await self._tokens.read(partial(self.keeper.find, user))

    async def refresh(self, user: User | None = None) -> Token:
        """Refresh the access token now, even if it has not expired."""
        named = await self._named(user)
        return await self._tokens.replace_rejected(named, await self.find(named))

    async def _named(self, user: User | None) -> User:
        if user is not None:
            return user
        return await self._tokens.read(self.keeper.named_user)

    async def revoke(self, user: User) -> None:
        """Revoke the grant of a user, or of one of the store's tokens, at Zoho, then delete it."""
        await self._tokens.end(user, partial(self.keeper.revoke, user))

    async def forget(self, user: User) -> None:
        """Delete the user's token from the store without telling Zoho."""
        await self._tokens.read(partial(self.keeper.forget, user))

    def authorization_url(
        self,
        scopes: str | Iterable[str],
        user: str | None = None,
        *,
        session: str | None = None,
        prompt_consent: bool = False,
    ) -> str:
        """Return the address to redirect a user's browser to; this does not block."""
        return self.keeper.authorization_url(
            scopes, user, session=session, prompt_consent=prompt_consent
        )

    async def complete_login(
        self, redirect_params: Mapping[str, str] | str, *, session: str | None = None
    ) -> Token:
        """Finish a login with the redirect's parameters; return the stored token."""
        call = partial(self.keeper.complete_login, redirect_params, session=session)
        return await self._tokens.log_in(parse_redirect(redirect_params).location, call)

    async def login_with_code(
        self, code: str, user: str | None = None, *, data_center: str | None = None
    ) -> Token:
        """Log in with a self client's code from Zoho's API console."""
        call = partial(self.keeper.login_with_code, code, user, data_center=data_center)
        return await self._tokens.log_in(data_center, call)

    async def login_with_refresh_token(
        self, refresh_token: str, user: str | None = None, *, data_center: str | None = None
    ) -> Token:
        """Log in with a refresh token of this client that you have."""
        login = self.keeper.login_with_refresh_token
        call = partial(login, Secret(refresh_token), user, data_center=data_center)
        return await self._tokens.log_in(data_center, call)

    def auth(
        self,
        user: User | None = None,
        *,
        service: str | Service = "crm",
        org: str | None = None,
    ) -> httpx2.Auth:
        """Return an ``auth`` for httpx2 (and httpx) that signs requests with the user's token."""
        return self.keeper.auth(user, service=service, org=org)

    async def client(
        self,
        user: User | None = None,
        *,
        service: str | Service = "crm",
        org: str | None = None,
        **options: Any,
    ) -> httpx2.AsyncClient:
        """Return an asynchronous httpx2 client for a service; as `evergrant.Keeper.client`."""
        import httpx2

        asked = partial(self.keeper.base_url, user, service=service, org=org)
        auth = self.auth(user, service=service, org=org)
        return httpx2.AsyncClient(base_url=await self._tokens.read(asked), auth=auth, **options)

    async def aclose(self) -> None:
        """Close the keeper after running work is saved; close the store where it was opened."""
        await self._tokens.aclose(self.keeper.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()
