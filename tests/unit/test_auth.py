"""Signing requests: once more with a new token where that helps, and never for a stranger."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import httpx
import httpx2
import pytest
import requests
from requests.adapters import BaseAdapter

from evergrant.auth import RequestsAuth, httpx_auth
from evergrant.errors import LoginRequired, UntrustedServer
from evergrant.services import SERVICES, Service
from evergrant.token import Token

Answer = tuple[int, object]

API = "https://www.zohoapis.eu"
EVIL = "https://evil.example"
REJECTED: Answer = (401, {"code": "INVALID_TOKEN", "details": {}, "status": "error"})
FINE: Answer = (200, {"data": []})


class Source:
    """Hands out tokens 1000.1, 1000.2, … for one API server."""

    def __init__(self) -> None:
        self.number = 1
        self.refreshes: list[Token] = []
        self.error: Exception | None = None

    def token_for_url(self, user: str | Token, url: str, service: Service) -> Token:
        assert service is SERVICES["crm"]
        assert user == "alice"
        if not url.startswith(f"{API}/"):
            raise UntrustedServer("not ours")
        return Token(id="7", access_token=f"1000.{self.number}")

    def replace_unclear(self, user: str | Token, refused: Token) -> Token | None:
        raise AssertionError("the CRM says why")

    def replace_rejected(self, user: str | Token, rejected: Token) -> Token:
        assert user == "alice"
        self.refreshes.append(rejected)
        if self.error:
            raise self.error
        self.number += 1
        return Token(id="7", access_token=f"1000.{self.number}")


class AsyncSource:
    """The same, for those who await it."""

    def __init__(self, source: Source) -> None:
        self.source = source

    async def token_for_url(self, user: str | Token, url: str, service: Service) -> Token:
        return self.source.token_for_url(user, url, service)

    async def replace_unclear(self, user: str | Token, refused: Token) -> Token | None:
        return self.source.replace_unclear(user, refused)

    async def replace_rejected(self, user: str | Token, rejected: Token) -> Token:
        return self.source.replace_rejected(user, rejected)


def auth_of(source: Source) -> httpx2.Auth:
    return httpx_auth(source, AsyncSource(source), "alice")


class Zoho:
    """Answers from a script; notes where each request went, with which header and body."""

    def __init__(self, *script: Answer, location: str = "") -> None:
        self.script = list(script)
        self.location = location
        self.seen: list[tuple[str, str | None, bytes]] = []

    def __call__(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        self.seen.append((url, headers.get("authorization"), body))
        status, answer = self.script.pop(0)
        where = {"location": self.location} if status // 100 == 3 else {}
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return status, {"content-type": "application/json"} | where, content

    @property
    def tokens(self) -> list[str | None]:
        return [header for _, header, _ in self.seen]


Do = Callable[..., tuple[int, Any]]
"""Sends one request (method, url, zoho, source, keywords of the library); status and JSON."""


def by_httpx2(method: str, url: str, zoho: Zoho, source: Source, **more: Any) -> tuple[int, Any]:
    class Transport(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            assert isinstance(request.stream, httpx2.SyncByteStream)
            sent = b"".join(request.stream)
            status, headers, body = zoho(str(request.url), request.headers, sent)
            return httpx2.Response(status, headers=headers, content=body)

    with httpx2.Client(transport=Transport(), follow_redirects=True) as client:
        got = client.request(method, url, auth=auth_of(source), **more)
        return got.status_code, got.json()


def by_httpx2_async(
    method: str, url: str, zoho: Zoho, source: Source, **more: Any
) -> tuple[int, Any]:
    class Transport(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            assert isinstance(request.stream, httpx2.AsyncByteStream)
            sent = b"".join([chunk async for chunk in request.stream])
            status, headers, body = zoho(str(request.url), request.headers, sent)
            return httpx2.Response(status, headers=headers, content=body)

    async def send() -> tuple[int, Any]:
        async with httpx2.AsyncClient(transport=Transport(), follow_redirects=True) as client:
            got = await client.request(method, url, auth=auth_of(source), **more)
            return got.status_code, got.json()

    return asyncio.run(send())


def by_httpx(method: str, url: str, zoho: Zoho, source: Source, **more: Any) -> tuple[int, Any]:
    class Transport(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.SyncByteStream)
            sent = b"".join(request.stream)
            status, headers, body = zoho(str(request.url), request.headers, sent)
            return httpx.Response(status, headers=headers, content=body)

    with httpx.Client(transport=Transport(), follow_redirects=True) as client:
        auth = auth_of(source)
        got = client.request(method, url, auth=auth, **more)  # type: ignore[arg-type]
        return got.status_code, got.json()


class Adapter(BaseAdapter):
    def __init__(self, zoho: Zoho) -> None:
        super().__init__()
        self.zoho = zoho

    def send(self, request: requests.PreparedRequest, *_: Any, **kwargs: Any) -> requests.Response:
        body = request.body
        content = body.encode() if isinstance(body, str) else body
        if content is not None and not isinstance(content, bytes):
            content = b"".join(content)
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        status, answered, text = self.zoho(request.url or "", headers, content or b"")
        response = requests.Response()
        response.status_code = status
        response.headers.update(answered)
        response.raw = io.BytesIO(text)
        response.url = request.url or ""
        response.request = request
        response.connection = self  # type: ignore[assignment]
        return response

    def close(self) -> None:
        pass


def by_requests(method: str, url: str, zoho: Zoho, source: Source, **more: Any) -> tuple[int, Any]:
    with requests.Session() as session:
        session.mount("https://", Adapter(zoho))
        if "content" in more:
            more["data"] = more.pop("content")
        got = session.request(method, url, auth=RequestsAuth(source, "alice"), **more)
        return got.status_code, got.json()


every_library = pytest.mark.parametrize("do", [by_httpx2, by_httpx2_async, by_httpx, by_requests])


@every_library
def test_a_request_is_signed_in_zohos_own_form(do: Do) -> None:
    zoho, source = Zoho(FINE), Source()
    assert do("GET", f"{API}/crm/v8/org", zoho, source) == FINE
    assert zoho.seen == [(f"{API}/crm/v8/org", "Zoho-oauthtoken 1000.1", b"")]


@every_library
def test_a_header_of_the_callers_own_does_not_stand_beside_it(do: Do) -> None:
    zoho = Zoho(FINE)
    do("GET", f"{API}/x", zoho, Source(), headers={"Authorization": "Bearer old"})
    assert zoho.tokens == ["Zoho-oauthtoken 1000.1"]


@every_library
@pytest.mark.parametrize("code", ["INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"])
def test_a_rejected_token_is_refreshed_and_the_request_sent_once_more(do: Do, code: str) -> None:
    zoho, source = Zoho((401, {"code": code}), FINE), Source()
    assert do("POST", f"{API}/x", zoho, source, json={"data": [1]}) == FINE
    assert zoho.tokens == ["Zoho-oauthtoken 1000.1", "Zoho-oauthtoken 1000.2"]
    assert [json.loads(body) for _, _, body in zoho.seen] == [{"data": [1]}] * 2
    assert [token.access_token for token in source.refreshes] == ["1000.1"]


@every_library
def test_a_token_that_is_rejected_again_is_not_tried_for_ever(do: Do) -> None:
    zoho, source = Zoho(REJECTED, REJECTED, FINE), Source()
    assert do("GET", f"{API}/x", zoho, source)[0] == 401
    assert len(zoho.seen) == 2
    assert len(source.refreshes) == 1


@every_library
@pytest.mark.parametrize(
    "answer",
    [
        (401, {"code": "OAUTH_SCOPE_MISMATCH", "status": "error"}),
        (401, {"code": ["INVALID_TOKEN"]}),
        (401, ["INVALID_TOKEN"]),
        (401, None),
        (403, {"code": "INVALID_TOKEN"}),
        (400, {"code": "INVALID_TOKEN"}),
        (200, {"code": "INVALID_TOKEN"}),
        (500, {"code": "INTERNAL_ERROR"}),
    ],
)
def test_what_a_new_token_does_not_mend_is_the_callers(do: Do, answer: Answer) -> None:
    zoho, source = Zoho(answer), Source()
    assert do("GET", f"{API}/x", zoho, source) == answer
    assert source.refreshes == []


@every_library
@pytest.mark.parametrize("url", [f"{EVIL}/x", f"{API}.evil.example/x", f"{API}@evil.example/x"])
def test_a_stranger_is_sent_nothing(do: Do, url: str) -> None:
    zoho = Zoho(FINE)
    with pytest.raises(UntrustedServer):
        do("GET", url, zoho, Source())
    assert zoho.seen == []


@every_library
def test_a_stranger_behind_a_redirect_gets_no_token_and_costs_no_refresh(do: Do) -> None:
    zoho, source = Zoho((302, b""), REJECTED, FINE, location=f"{EVIL}/x"), Source()
    assert do("GET", f"{API}/x", zoho, source)[0] == 401
    assert [(url, token) for url, token, _ in zoho.seen] == [
        (f"{API}/x", "Zoho-oauthtoken 1000.1"),
        (f"{EVIL}/x", None),
    ]
    assert source.refreshes == []


@every_library
def test_a_token_that_cannot_be_refreshed_is_an_error_of_its_own(do: Do) -> None:
    zoho, source = Zoho(REJECTED), Source()
    source.error = LoginRequired("revoked")
    with pytest.raises(LoginRequired):
        do("GET", f"{API}/x", zoho, source)
    assert len(zoho.seen) == 1


def stream(read: list[int]) -> Iterator[bytes]:
    for number in range(3):
        read.append(number)
        yield b"x"


async def astream(read: list[int]) -> AsyncIterator[bytes]:
    for chunk in stream(read):
        yield chunk


@every_library
def test_a_stream_is_not_sent_twice_but_the_next_request_has_the_new_token(do: Do) -> None:
    zoho, source, read = Zoho(REJECTED, FINE), Source(), list[int]()
    content = astream(read) if do is by_httpx2_async else stream(read)
    assert do("POST", f"{API}/x", zoho, source, content=content)[0] == 401
    assert read == [0, 1, 2]
    assert len(source.refreshes) == 1
    assert do("GET", f"{API}/x", zoho, source) == FINE
    assert zoho.tokens == ["Zoho-oauthtoken 1000.1", "Zoho-oauthtoken 1000.2"]


def test_one_object_serves_both_libraries_and_shows_nothing() -> None:
    auth = auth_of(Source())
    assert isinstance(auth, httpx2.Auth)
    assert isinstance(auth, httpx.Auth)
    assert "1000" not in f"{auth!r}{vars(auth)}"


def test_the_request_library_keeps_what_it_was_rejected_with() -> None:
    zoho = Zoho(REJECTED, FINE)
    with requests.Session() as session:
        session.mount("https://", Adapter(zoho))
        got = session.get(f"{API}/x", auth=RequestsAuth(Source(), "alice"))
    assert [old.status_code for old in got.history] == [401]
    assert got.request.headers["Authorization"] == "Zoho-oauthtoken 1000.2"
