"""Whatever a server answers is read as a grant, or is one of our errors."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evergrant._oauth.identity import parse_current_user, parse_org
from evergrant._oauth.messages import HttpResponse, form_request
from evergrant._oauth.protocol import parse_revocation, parse_token_response
from evergrant._oauth.transport import MAX_RESPONSE_BYTES, HttpxTransport
from evergrant.datacenter import ZOHO
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.token import Secret, Token
from tests.support.example_counts import rounds
from tests.support.security.fuzzing import SECRET, json_texts, mutated, or_refused
from tests.support.servers.scripted_server import Server, saying, serving

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
GRANTED = b'{"access_token": "%s", "expires_in": 3600, "api_domain": "https://www.zohoapis.com"}'

statuses = st.sampled_from([200, 204, 302, 400, 401, 403, 429, 500, 503, 999, 0])
headers = st.dictionaries(st.just("content-type"), st.sampled_from(["text/html", "x"]))
token_bodies = json_texts(
    "access_token", "refresh_token", "expires_in", "expires_in_sec", "api_domain", "scope", "error"
)


@rounds(150)
@given(
    status=statuses,
    headers=headers,
    body=token_bodies,
    kind=st.sampled_from(["authorization_code", "refresh_token", "client_credentials"]),
)
@example(200, {}, GRANTED[:-1] % b"a" + b', "expires_in": 1e999}', "refresh_token")
@example(200, {}, b'{"error": "%s"}' % SECRET.encode(), "refresh_token")
@example(200, {}, b'{"access_token": "a", "api_domain": "%s"}' % SECRET.encode(), "refresh_token")
@example(200, {}, b'{"access_token": "a", "api_domain": "http://[::1"}', "refresh_token")
def test_a_token_answer(status: int, headers: dict[str, str], body: bytes, kind: str) -> None:
    answer = HttpResponse(status, headers, body)
    granted = or_refused(
        lambda: parse_token_response(
            answer, now=NOON, asked=ZOHO.by_code("us"), known=ZOHO, grant_type=kind
        )
    )
    if granted:
        assert granted.access_token
        assert NOON < granted.expires_at <= NOON + timedelta(hours=1)
        assert ZOHO.by_api_domain(granted.api_domain).code == "us"
        assert isinstance(granted.refresh_token, Secret | None)
        assert SECRET not in f"{granted!r}".replace(repr(granted.scopes), "")


@rounds(80)
@given(status=statuses, headers=headers, body=json_texts("status", "error", "message"))
def test_a_revocation(status: int, headers: dict[str, str], body: bytes) -> None:
    or_refused(lambda: parse_revocation(HttpResponse(status, headers, body), now=NOON))


@rounds(80)
@given(
    status=statuses,
    body=json_texts("users", "org", "code", "message"),
    read=st.sampled_from([parse_current_user, parse_org]),
)
@example(200, b'{"users": [[]], "code": {}}', parse_current_user)
@example(200, b'{"org": {"0": 1}, "code": ["x"]}', parse_org)
def test_whose_token_it_is(status: int, body: bytes, read: Callable[[HttpResponse], str]) -> None:
    name = or_refused(lambda: read(HttpResponse(status, {}, body)))
    assert name is None or name


granted_texts = st.text(min_size=1, max_size=20)


@pytest.fixture(params=["memory:", "sqlite:///:memory:", "file://{}/tokens.csv"])
def store(request: pytest.FixtureRequest, tmp_path: object) -> Iterator[TokenStore]:
    with open_store(request.param.format(tmp_path)) as store:
        yield store


@rounds(25)
@given(access_token=granted_texts, refresh_token=granted_texts)
@example("\ud800", "\udcff")
@example("a\0b", "a\rb")
def test_what_was_granted_is_saved_whole_or_refused(
    store: TokenStore, access_token: str, refresh_token: str
) -> None:
    if store.get_tokens():
        store.delete_tokens()
    token = Token(user_name="alice", access_token=access_token, refresh_token=refresh_token)
    saved = or_refused(lambda: store.save_token(token))
    if saved:
        assert store.find_token(Token(user_name="alice")) == saved
        assert (saved.access_token, saved.refresh_token) == (access_token, refresh_token)


@pytest.fixture
def wire() -> Iterator[tuple[Server, HttpxTransport, list[bytes]]]:
    answers = [b""]
    with serving(lambda connection, _: saying(answers[0], close=True)(connection, b"")) as server:
        sender = HttpxTransport(timeout=5)
        yield server, sender, answers
        sender.close()


OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
PACKED = OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b'{"a": 1}' * 20, mtime=0)
whole_answers = st.one_of(
    mutated(OK + b'Content-Length: 8\r\n\r\n{"a": 1}'),
    mutated(PACKED),
    mutated(OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"),
    st.binary(max_size=60),
)


@rounds(40)
@given(raw=whole_answers)
@example(
    OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"0" * 30 * MAX_RESPONSE_BYTES, mtime=0)
)
@example(OK + b"Content-Encoding: zstd\r\n\r\nnone")
@example(OK + b"Content-Encoding: br, gzip, deflate\r\n\r\nnone")
@example(b"HTTP/1.1 99999999999999999999 OK\r\n\r\n")
def test_an_answer_over_the_wire(
    wire: tuple[Server, HttpxTransport, list[bytes]], raw: bytes
) -> None:
    server, sender, answers = wire
    answers[0] = raw
    call = form_request(f"{server.url}/oauth/v2/token", {"refresh_token": SECRET})
    answer = or_refused(lambda: sender(call))
    assert answer is None or len(answer.body) <= 2 * MAX_RESPONSE_BYTES
