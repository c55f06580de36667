"""Answers that come a byte at a time: no timeout of a driver ends them, and ours does."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import pytest

from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE
from evergrant.token import Token
from tests.support.servers.databases import Database
from tests.support.servers.redis_servers import PASSWORD, Redis, Sentinel, clustered
from tests.support.servers.scripted_server import serving
from tests.support.servers.slow_proxy import Drip, dripping
from tests.support.waiting import until

LIMIT = 1
"""Seconds that the clients are told to wait for an answer."""

SOON = 12.0
"""Seconds after which a caller is free: an answer's time, a new connection, and tries again. The
whole answer would take longer by far."""

Kind = Callable[[], AbstractContextManager[tuple[str, Drip]]]

URLS = ("mariadb", "postgresql", "redis_url", "dynamodb_url", "secrets_url")


@contextmanager
def through(url: str, port: int) -> Iterator[tuple[str, Drip]]:
    with dripping(port) as drip:
        yield re.sub(rf"127\.0\.0\.1:{port}\b", f"127.0.0.1:{drip.port}", url), drip


@pytest.fixture(params=URLS)
def dripped(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TokenStore, Drip]]:
    """Return a store that is used, and the way to its server."""
    found: Any = request.getfixturevalue(request.param)
    url = found.url if isinstance(found, Database) else found
    if request.param == "mariadb":
        # In TLS, each of its records has to come in time.
        url += f"?read_timeout={LIMIT}&connect_timeout={LIMIT}&ssl_disabled=true"
    elif request.param == "postgresql":
        monkeypatch.setattr("evergrant.stores.sql.read_timeout.READ_TIMEOUT_S", LIMIT)
        url += f"?connect_timeout={2 * LIMIT}"  # libpq takes no less
    else:
        url += f"{'&' if '?' in url else '?'}timeout={LIMIT}"
    (port,) = re.findall(r"127\.0\.0\.1:(\d+)", url)
    with through(url, int(port)) as (way, drip), open_store(way) as store:
        yield store, drip
        drip.slow = False


def seconds_of(call: Callable[[], object], error: type[Exception]) -> float:
    began = time.monotonic()
    with pytest.raises(error) as caught:
        call()
    assert getattr(caught.value, "retryable", True) is (error is StoreUnavailable)
    return time.monotonic() - began


def test_a_store_that_answers_in_drops_is_unavailable(dripped: tuple[TokenStore, Drip]) -> None:
    store, drip = dripped
    alice = store.save_token(ALICE)
    drip.slow = True
    assert seconds_of(lambda: store.find_token(ALICE), StoreUnavailable) < SOON
    drip.slow = False
    assert store.find_token(ALICE) == alice


@contextmanager
def a_cluster() -> Iterator[tuple[str, Drip]]:
    node = clustered()
    try:
        with dripping(node.port) as drip, node.client() as client:
            client.config_set("cluster-announce-port", drip.port)
            yield f"redis+cluster://:{PASSWORD}@127.0.0.1:{drip.port}?timeout={LIMIT}", drip
    finally:
        node.close()


@contextmanager
def a_primary_of_a_sentinel() -> Iterator[tuple[str, Drip]]:
    primary = Redis()
    try:
        with dripping(primary.port) as drip:
            sentinel = Sentinel(drip.port)
            try:
                where = f"127.0.0.1:{sentinel.port}/tokens?timeout={LIMIT}"
                yield f"redis+sentinel://:{PASSWORD}@{where}", drip
            finally:
                sentinel.close()
    finally:
        primary.close()


@contextmanager
def a_sentinel() -> Iterator[tuple[str, Drip]]:
    primary = Redis()
    try:
        sentinel = Sentinel(primary.port)
        try:
            with dripping(sentinel.port) as drip:
                where = f"127.0.0.1:{drip.port}/tokens?timeout={LIMIT}"
                yield f"redis+sentinel://:{PASSWORD}@{where}", drip
        finally:
            sentinel.close()
    finally:
        primary.close()


@pytest.mark.parametrize("kind", [a_cluster, a_primary_of_a_sentinel])
def test_a_redis_of_many_that_answers_in_drops_is_unavailable(kind: Kind) -> None:
    with kind() as (url, drip), open_store(url) as store:
        alice = store.save_token(ALICE)
        drip.slow = True
        assert seconds_of(lambda: store.find_token(ALICE), StoreUnavailable) < SOON
        drip.slow = False
        until(lambda: found(store) == alice)


def found(store: TokenStore) -> Token | None:
    with suppress(StoreUnavailable):
        return store.find_token(ALICE)
    return None


@pytest.mark.parametrize("kind", [a_cluster, a_primary_of_a_sentinel, a_sentinel])
def test_a_redis_of_many_that_answers_in_drops_at_first_is_unavailable(kind: Kind) -> None:
    with kind() as (url, drip):
        drip.slow = True
        assert seconds_of(lambda: open_store(url), StoreUnavailable) < SOON
        drip.slow = False


def test_a_key_service_that_answers_in_drops_is_given_up(
    aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergrant._crypto import key_format

    monkeypatch.setattr(key_format, "KMS_TIMEOUT_S", 0.3)
    with through(aws, int(aws.rpartition(":")[2])) as (way, drip):
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", way)
        drip.slow = True
        assert (
            seconds_of(lambda: key_format.wrapped_key("any", "eu-central-1"), StoreUnavailable)
            < SOON
        )


def test_a_proxy_before_a_key_service_that_answers_in_drops_is_given_up(
    aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergrant._crypto import key_format

    monkeypatch.setattr(key_format, "KMS_TIMEOUT_S", 0.3)

    def script(connection: socket.socket, _request: bytes) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + 100 * b"x":
            connection.sendall(bytes([byte]))
            time.sleep(0.1)

    with serving(script) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "https://kms.example.com")
        assert (
            seconds_of(lambda: key_format.wrapped_key("any", "eu-central-1"), StoreUnavailable)
            < SOON
        )
        assert proxy.seen


@pytest.mark.parametrize("kind", ["dynamodb_url", "secrets_url"])
def test_an_answer_that_breaks_off_among_its_headers_is_not_nobody(
    kind: str, request: pytest.FixtureRequest
) -> None:
    with open_store(request.getfixturevalue(kind)) as store:
        alice = store.save_token(ALICE)
    url: str = request.getfixturevalue(kind)
    (port,) = re.findall(r"127\.0\.0\.1:(\d+)", url)
    with through(url, int(port)) as (way, drip), open_store(way) as store:
        for length in (20, 40, 80):
            drip.cut = length
            with pytest.raises(StoreUnavailable):
                store.find_token(ALICE)
        drip.cut = None
        assert store.find_token(ALICE) == alice
