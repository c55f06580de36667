"""Signs requests with a user's token. If Zoho rejects it, refreshes it and retries once."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any, Protocol, cast

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import Masked, masks_locals
from evergrant._text import is_word
from evergrant.errors import CorruptRecord
from evergrant.services import Refusal, Service
from evergrant.services.target import CRM, Target
from evergrant.token import Token, User, identify

if TYPE_CHECKING:
    import httpx2
    import requests

__all__ = [
    "AUTHORIZATION",
    "RequestsAuth",
    "authorization_header",
    "httpx_auth",
    "is_rejection",
    "session_below",
]

_logger = RateLimitedLog()

AUTHORIZATION = "Authorization"

UNAUTHORIZED = 401
"""The status of every rejected token, and of some errors that a new token does not solve."""


class TokenSource(Protocol):
    """The methods of a Keeper that signing needs."""

    def token_for_url(self, user: User, url: str, service: Service) -> Token:
        """Return a working token, if it may be sent to this URL of this service."""

    def replace_rejected(self, user: User, rejected: Token) -> Token:
        """Return a token other than the rejected one."""

    def replace_unclear(self, user: User, refused: Token) -> Token | None:
        """Return a token other than the refused one, or None if that was tried before."""


class AsyncTokenSource(Protocol):
    """The same, asynchronous."""

    async def token_for_url(self, user: User, url: str, service: Service) -> Token:
        """Return a working token, if it may be sent to this URL of this service."""

    async def replace_rejected(self, user: User, rejected: Token) -> Token:
        """Return a token other than the rejected one."""

    async def replace_unclear(self, user: User, refused: Token) -> Token | None:
        """Return a token other than the refused one, or None if that was tried before."""


@masks_locals
def authorization_header(token: Token, word: str = CRM.header_word) -> str:
    """Return the Authorization header for Zoho's APIs, as plain text.

    Raises:
        CorruptRecord: The access token has characters that would break out of the header.
    """
    access_token = token.access_token or ""
    if not (access_token.isascii() and is_word(access_token)):
        raise CorruptRecord(
            "the access token has a character that is not allowed in a header; nothing was sent",
            **identify(token),
        )
    return f"{word} " + access_token


@masks_locals
def _may_refuse(
    token: Token, target: Target, response: httpx2.Response | requests.Response
) -> bool:
    # A redirect may have led to another server, without our token: its 401 is not Zoho's.
    if response.status_code != UNAUTHORIZED:
        return False
    # Not stored in a variable: the header is plain text, which an error tracker would record.
    return bool(
        response.request.headers.get(AUTHORIZATION)
        == authorization_header(token, target.service.header_word)
    )


def is_rejection(status: int, body: bytes) -> bool:
    """Return True if the CRM's response means that a new access token would help."""
    return CRM.refusal(status, body) is Refusal.DEAD_TOKEN


def _log_unclear(target: Target, user: User) -> None:
    _logger.warning(
        "%s refused a request for %s with a new access token too. It does not say why: "
        "the grant lacks a scope, or the user's role does not allow the request.",
        target.service.title,
        f"token {user.id}" if isinstance(user, Token) else user,
    )


class RequestsAuth:
    """Signs requests of the ``requests`` library, which accepts any callable as ``auth``."""

    def __init__(self, source: TokenSource, user: User, target: Target | None = None) -> None:
        self._source = source
        self._user = user
        self._target = target or Target()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request.

        Raises:
            UntrustedServer: The request does not go to the service, in the token's data center.
            ConfigError: It names another org.
            EvergrantError: There is no working token.
        """
        request.url = self._target.url_with_org(request.url or "")
        token = self._source.token_for_url(self._user, request.url, self._target.service)
        self._sign(request, token)
        request.register_hook("response", functools.partial(self._retry, token))  # type: ignore[no-untyped-call]
        return request

    def _retry(self, token: Token, response: requests.Response, **kwargs: Any) -> requests.Response:
        fresh = self._replacement(token, response)
        if fresh is None or not isinstance(response.request.body, str | bytes | None):
            return response  # a stream is used up; the next call uses the new token
        response.close()
        retry = response.request.copy()
        self._sign(retry, fresh)
        # Sent directly through the adapter: hooks do not run again, so there is only one retry.
        second: requests.Response = response.connection.send(retry, **kwargs)
        second.history.append(response)
        second.request = retry
        if _may_refuse(fresh, self._target, second) and self._is_unclear(second):
            _log_unclear(self._target, self._user)
        return second

    def _replacement(self, token: Token, response: requests.Response) -> Token | None:
        if not _may_refuse(token, self._target, response):
            return None
        refusal = self._target.service.refusal(response.status_code, response.content)
        if refusal is Refusal.DEAD_TOKEN:
            return self._source.replace_rejected(self._user, token)
        if refusal is not Refusal.UNCLEAR:
            return None
        fresh = self._source.replace_unclear(self._user, token)
        if fresh is None:
            _log_unclear(self._target, self._user)
        return fresh

    def _is_unclear(self, response: requests.Response) -> bool:
        refusal = self._target.service.refusal(response.status_code, response.content)
        return refusal is Refusal.UNCLEAR

    @masks_locals
    def _sign(self, request: requests.PreparedRequest, token: Token) -> None:
        request.headers = _signed_headers()(request.headers)
        self._target.add_org_header(request.headers)
        request.headers[AUTHORIZATION] = authorization_header(
            token, self._target.service.header_word
        )


@functools.cache
def _signed_headers() -> type[Any]:
    """Return a type of headers whose repr masks the signature.

    Headers are in the frames of requests and urllib3, so errors record them.
    """
    from requests.structures import CaseInsensitiveDict

    class SignedHeaders(Masked, CaseInsensitiveDict[Any]):
        def copy(self) -> SignedHeaders:
            return SignedHeaders(self.items())

        def __repr__(self) -> str:
            shown = {name: "********" if name == AUTHORIZATION else self[name] for name in self}
            return repr(shown)

    return SignedHeaders


def session_below(base_url: str, auth: RequestsAuth) -> requests.Session:
    """Return a session of requests that signs, and whose paths are below a base URL."""
    import requests

    class Session(requests.Session):
        def request(self, method: Any, url: Any, *args: Any, **more: Any) -> requests.Response:
            path = url if isinstance(url, str) else url.decode()
            is_whole = "://" in path.partition("?")[0]
            whole = path if is_whole else f"{base_url}/{path.removeprefix('/')}"
            return super().request(method, whole, *args, **more)

    session = Session()
    session.auth = auth
    return session


class _HttpxFlow:
    """The auth flow of httpx2 and httpx, synchronous and asynchronous."""

    def __init__(
        self, source: TokenSource, async_source: AsyncTokenSource, user: User, target: Target
    ) -> None:
        self._source = source
        self._async_source = async_source
        self._user = user
        self._target = target

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        self._address(request)
        token = self._source.token_for_url(self._user, str(request.url), self._target.service)
        response = yield self._sign(request, token)
        if not _may_refuse(token, self._target, response):
            return
        refusal = self._refusal(response, response.read())
        fresh: Token | None = None
        if refusal is Refusal.DEAD_TOKEN:
            fresh = self._source.replace_rejected(self._user, token)
        elif refusal is Refusal.UNCLEAR:
            fresh = self._source.replace_unclear(self._user, token)
        if fresh is not None and _can_resend(request):
            response = yield self._sign(request, fresh)
            if not _may_refuse(fresh, self._target, response):
                return
            refusal = self._refusal(response, response.read())
        if refusal is Refusal.UNCLEAR:
            _log_unclear(self._target, self._user)

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        self._address(request)
        service = self._target.service
        token = await self._async_source.token_for_url(self._user, str(request.url), service)
        response = yield self._sign(request, token)
        if not _may_refuse(token, self._target, response):
            return
        refusal = self._refusal(response, await response.aread())
        fresh: Token | None = None
        if refusal is Refusal.DEAD_TOKEN:
            fresh = await self._async_source.replace_rejected(self._user, token)
        elif refusal is Refusal.UNCLEAR:
            fresh = await self._async_source.replace_unclear(self._user, token)
        if fresh is not None and _can_resend(request):
            response = yield self._sign(request, fresh)
            if not _may_refuse(fresh, self._target, response):
                return
            refusal = self._refusal(response, await response.aread())
        if refusal is Refusal.UNCLEAR:
            _log_unclear(self._target, self._user)

    def _address(self, request: httpx2.Request) -> None:
        url = str(request.url)
        if (with_org := self._target.url_with_org(url)) != url:
            request.url = type(request.url)(with_org)
        self._target.add_org_header(request.headers)

    @masks_locals
    def _sign(self, request: httpx2.Request, token: Token) -> httpx2.Request:
        word = self._target.service.header_word
        request.headers[AUTHORIZATION] = authorization_header(token, word)
        return request

    def _refusal(self, response: httpx2.Response, body: bytes) -> Refusal | None:
        return self._target.service.refusal(response.status_code, body)


def _can_resend(request: httpx2.Request) -> bool:
    try:
        request.content  # noqa: B018 - raises for a stream, which is used up
    except RuntimeError:
        return False
    return True


@functools.cache
def _auth_class() -> type[Any]:
    import httpx2

    bases: list[type] = [_HttpxFlow, httpx2.Auth]
    if importlib.util.find_spec("httpx"):
        import httpx

        # httpx uses isinstance: one object that is both works with clients of either.
        if not issubclass(httpx2.Auth, httpx.Auth):
            bases.append(httpx.Auth)
    return type("ZohoAuth", tuple(bases), {})


def httpx_auth(
    source: TokenSource,
    async_source: AsyncTokenSource,
    user: User,
    target: Target | None = None,
) -> httpx2.Auth:
    """Return an ``auth`` for clients of httpx2 and, if it is installed, of httpx."""
    made = _auth_class()(source, async_source, user, target or Target())
    return cast("httpx2.Auth", made)
