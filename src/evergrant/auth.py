"""Signs requests with a user's token. If Zoho rejects it, refreshes it and retries once."""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any, Protocol, cast

from evergrant._masking import Masked
from evergrant._text import is_word
from evergrant.errors import CorruptRecord
from evergrant.token import Token, identify

if TYPE_CHECKING:
    import httpx2
    import requests

__all__ = ["AUTHORIZATION", "RequestsAuth", "authorization_header", "httpx_auth", "is_rejection"]

AUTHORIZATION = "Authorization"

UNAUTHORIZED = 401
"""The status of every rejected token, and of some errors that a new token does not solve."""

REJECTIONS = frozenset({"INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"})
"""Codes of Zoho's APIs for a token that is expired, revoked or evicted. OAUTH_SCOPE_MISMATCH is
not one of them: a new token has the same scopes."""


class TokenSource(Protocol):
    """The methods of a Keeper that signing needs."""

    def token_for_url(self, user: str, url: str) -> Token:
        """Return a working token, if it may be sent to this URL."""

    def replace_rejected(self, user: str, rejected: Token) -> Token:
        """Return a token other than the rejected one."""


class AsyncTokenSource(Protocol):
    """The same, asynchronous."""

    async def token_for_url(self, user: str, url: str) -> Token:
        """Return a working token, if it may be sent to this URL."""

    async def replace_rejected(self, user: str, rejected: Token) -> Token:
        """Return a token other than the rejected one."""


def authorization_header(token: Token) -> str:
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
    return "Zoho-oauthtoken " + access_token


def _may_reject(token: Token, response: httpx2.Response | requests.Response) -> bool:
    # A redirect may have led to another server, without our token: its 401 is not Zoho's.
    if response.status_code != UNAUTHORIZED:
        return False
    # Not stored in a variable: the header is plain text, which an error tracker would record.
    return bool(response.request.headers.get(AUTHORIZATION) == authorization_header(token))


def is_rejection(status: int, body: bytes) -> bool:
    """Return True if a response means that a new access token would help."""
    return status == UNAUTHORIZED and _is_rejection_body(body)


def _is_rejection_body(body: bytes) -> bool:
    try:
        return json.loads(body).get("code") in REJECTIONS
    except (ValueError, AttributeError, TypeError):
        return False


class RequestsAuth:
    """Signs requests of the ``requests`` library, which accepts any callable as ``auth``."""

    def __init__(self, source: TokenSource, user: str) -> None:
        self._source = source
        self._user = user

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request.

        Raises:
            UntrustedServer: The request does not go to the token's data center.
            EvergrantError: There is no working token.
        """
        token = self._source.token_for_url(self._user, request.url or "")
        _sign(request, token)
        request.register_hook("response", functools.partial(self._retry, token))  # type: ignore[no-untyped-call]
        return request

    def _retry(self, token: Token, response: requests.Response, **kwargs: Any) -> requests.Response:
        if not (_may_reject(token, response) and _is_rejection_body(response.content)):
            return response
        fresh = self._source.replace_rejected(self._user, token)
        if not isinstance(response.request.body, str | bytes | None):
            return response  # a stream is used up; the next call uses the new token
        response.close()
        retry = response.request.copy()
        _sign(retry, fresh)
        # Sent directly through the adapter: hooks do not run again, so there is only one retry.
        second: requests.Response = response.connection.send(retry, **kwargs)
        second.history.append(response)
        second.request = retry
        return second


def _sign(request: requests.PreparedRequest, token: Token) -> None:
    request.headers = _signed_headers()(request.headers)
    request.headers[AUTHORIZATION] = authorization_header(token)


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


class _HttpxFlow:
    """The auth flow of httpx2 and httpx, synchronous and asynchronous."""

    def __init__(self, source: TokenSource, async_source: AsyncTokenSource, user: str) -> None:
        self._source = source
        self._async_source = async_source
        self._user = user

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        token = self._source.token_for_url(self._user, str(request.url))
        request.headers[AUTHORIZATION] = authorization_header(token)
        response = yield request
        if _may_reject(token, response) and _is_rejection_body(response.read()):
            fresh = self._source.replace_rejected(self._user, token)
            if _can_resend(request):
                request.headers[AUTHORIZATION] = authorization_header(fresh)
                yield request

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        token = await self._async_source.token_for_url(self._user, str(request.url))
        request.headers[AUTHORIZATION] = authorization_header(token)
        response = yield request
        if _may_reject(token, response) and _is_rejection_body(await response.aread()):
            fresh = await self._async_source.replace_rejected(self._user, token)
            if _can_resend(request):
                request.headers[AUTHORIZATION] = authorization_header(fresh)
                yield request


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


def httpx_auth(source: TokenSource, async_source: AsyncTokenSource, user: str) -> httpx2.Auth:
    """Return an ``auth`` for clients of httpx2 and, if it is installed, of httpx."""
    return cast("httpx2.Auth", _auth_class()(source, async_source, user))
