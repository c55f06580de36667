"""Signing for any service: the right host, the org in its place, and unclear answers asked once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import requests
from requests.adapters import BaseAdapter

from evergrant.auth import RequestsAuth, httpx_auth, session_below
from evergrant.errors import ConfigError
from evergrant.services import SERVICES, Service
from evergrant.services.target import Target
from evergrant.token import Token

UNCLEAR = b'{"code":57,"message":"You are not authorized to perform this operation"}'
BOOKS = "https://www.zohoapis.eu/books/v3"
DESK = "https://desk.zoho.eu/api/v1"


class Source:
    """Returns 1000.1, and 1000.2 in place of a refused token, once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.unclear: list[str | None] = []

    def token_for_url(self, user: str | Token, url: str, service: Service) -> Token:
        self.asked.append((url, service.name))
        return Token(id="7", access_token="1000.1")

    def replace_rejected(self, user: str | Token, rejected: Token) -> Token:
        raise AssertionError("the answer was unclear")

    def replace_unclear(self, user: str | Token, refused: Token) -> Token | None:
        self.unclear.append(refused.access_token)
        return Token(id="7", access_token="1000.2") if len(self.unclear) == 1 else None


class Seen:
    """The requests that arrived: (URL, headers)."""

    def __init__(self, status: int = 200, body: bytes = b"{}") -> None:
        self.status, self.body = status, body
        self.requests: list[tuple[str, dict[str, str]]] = []

    def answer(self, url: str, headers: Any) -> tuple[int, bytes]:
        self.requests.append((url, {key.lower(): value for key, value in headers.items()}))
        return self.status, self.body

    @property
    def tokens(self) -> list[str]:
        return [headers["authorization"] for _, headers in self.requests]


def get_by_httpx2(url: str, seen: Seen, source: Source, target: Target, **more: Any) -> int:
    def handle(request: httpx2.Request) -> httpx2.Response:
        status, body = seen.answer(str(request.url), request.headers)
        return httpx2.Response(status, content=body)

    auth = httpx_auth(source, source, "alice", target)  # type: ignore[arg-type]
    with httpx2.Client(transport=httpx2.MockTransport(handle), auth=auth) as client:
        return client.get(url, **more).status_code


class _Adapter(BaseAdapter):
    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen = seen

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        status, body = self.seen.answer(request.url or "", request.headers)
        response.status_code, response.raw, response.request = status, io.BytesIO(body), request
        response.url = request.url or ""
        response.connection = self  # type: ignore[assignment]
        return response

    def close(self) -> None:
        pass


def get_by_requests(url: str, seen: Seen, source: Source, target: Target, **more: Any) -> int:
    with requests.Session() as session:
        session.mount("https://", _Adapter(seen))
        got = session.get(url, auth=RequestsAuth(source, "alice", target), **more)
        return got.status_code


@pytest.fixture(params=[get_by_httpx2, get_by_requests])
def get(request: pytest.FixtureRequest) -> Iterator[Any]:
    return request.param  # type: ignore[no-any-return]


def test_the_org_travels_where_the_service_wants_it(get: Any) -> None:
    seen, source = Seen(), Source()
    get(f"{BOOKS}/invoices?page=2", seen, source, Target(SERVICES["books"], "77"))
    get(f"{DESK}/tickets", seen, source, Target(SERVICES["desk"], "88"))
    get(f"{DESK}/tickets", seen, source, Target(SERVICES["desk"]))
    (books, _), (desk, headers), (_, bare) = seen.requests
    assert books == f"{BOOKS}/invoices?page=2&organization_id=77"
    assert source.asked[0] == (books, "books")
    assert desk == f"{DESK}/tickets"
    assert headers["orgid"] == "88"
    assert "orgid" not in bare


def test_the_same_org_twice_is_sent_once_and_another_one_never(get: Any) -> None:
    seen, source = Seen(), Source()
    get(f"{BOOKS}/x?organization_id=77", seen, source, Target(SERVICES["books"], "77"))
    assert seen.requests[0][0] == f"{BOOKS}/x?organization_id=77"
    with pytest.raises(ConfigError, match="names the org 78"):
        get(f"{BOOKS}/x?organization_id=78", seen, source, Target(SERVICES["books"], "77"))
    with pytest.raises(ConfigError, match="names the org 78"):
        get(DESK, seen, source, Target(SERVICES["desk"], "77"), headers={"orgId": "78"})
    assert len(seen.requests) == 1


def test_an_unclear_answer_is_tried_once_with_a_new_token_and_then_told(
    get: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen, source, target = Seen(401, UNCLEAR), Source(), Target(SERVICES["books"], "77")
    assert get(f"{BOOKS}/invoices", seen, source, target) == 401
    assert seen.tokens == ["Zoho-oauthtoken 1000.1", "Zoho-oauthtoken 1000.2"]
    assert "Zoho Books refused a request for alice" in caplog.text
    assert "lacks a scope, or the user's role" in caplog.text
    caplog.clear()
    assert get(f"{BOOKS}/invoices", seen, source, target) == 401
    assert len(seen.tokens) == 3
    assert "Zoho Books refused a request for alice" in caplog.text


def test_a_missing_scope_asks_for_no_other_token(get: Any) -> None:
    seen, source = Seen(401, b'{"errorCode":"SCOPE_MISMATCH"}'), Source()
    assert get(f"{DESK}/x", seen, source, Target(SERVICES["desk"])) == 401
    assert len(seen.tokens) == 1
    assert source.unclear == []


def test_a_session_s_paths_are_below_its_base_url() -> None:
    seen, source = Seen(), Source()
    with session_below(BOOKS, RequestsAuth(source, "alice", Target(SERVICES["books"]))) as session:
        session.mount("https://", _Adapter(seen))
        session.get("/invoices", params={"page": 2})
        session.get("contacts")
        session.get(f"{BOOKS}/items?next=https://x.example")
    assert [url for url, _ in seen.requests] == [
        f"{BOOKS}/invoices?page=2",
        f"{BOOKS}/contacts",
        f"{BOOKS}/items?next=https://x.example",
    ]


def test_a_service_without_an_org_takes_none() -> None:
    with pytest.raises(ConfigError, match="Zoho CRM takes no org"):
        Target(org="77")
    with pytest.raises(ConfigError, match="Zoho Mail takes no org"):
        Target(SERVICES["mail"], "77")
