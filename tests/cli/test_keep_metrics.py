"""``evergrant keep --metrics``: what Prometheus is told of a service."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from evergrant.sandbox import Sandbox
from tests.support.cli.keep_process import keeping
from tests.support.cli.runner import ALICE, BOB, Command, LogIn
from tests.support.servers.ports import free_port
from tests.support.waiting import until


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


def test_refreshes_and_tokens_are_counted_and_nobody_is_named(
    zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE, BOB)
    port = free_port()
    with keeping(sandbox, "--metrics", str(port)) as service:
        zoho.clock.advance(minutes=50)
        service.hear("refreshed", times=2)
        counted = 'evergrant_refreshes_total{error="",outcome="refreshed"} 2.0'
        until(lambda: counted in scraped(port), told=lambda: scraped(port))
        told = scraped(port)
        assert 'evergrant_tokens{state="fresh"} 2.0' in told
        assert "evergrant_store_up 1.0" in told
        assert "example.com" not in told
        service.end()


def test_a_grant_that_zoho_has_ended_is_counted_as_one_that_needs_a_login(
    run: Command, zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE, BOB)
    zoho.revoke(ALICE)
    assert run("refresh", ALICE).exit_code != 0
    port = free_port()
    with keeping(sandbox, "--metrics", str(port)):
        until(lambda: "evergrant_tokens{" in scraped(port), told=lambda: scraped(port))
        told = scraped(port)
    counts = [line for line in told.splitlines() if line.startswith("evergrant_tokens{")]
    assert sorted(counts) == [
        'evergrant_tokens{state="fresh"} 1.0',
        'evergrant_tokens{state="needs login"} 1.0',
    ]


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:", "127.0.0.1:99999", "192.0.2.1:9000"])
def test_an_address_that_is_none_is_one_clear_error(run: Command, address: str) -> None:
    result = run("keep", "--once", "--metrics", address)
    assert result.exit_code == 2
    assert "address" in result.stderr
    assert "Traceback" not in result.output


def test_a_port_that_is_taken_is_one_clear_error(run: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        result = run("keep", "--once", "--metrics", str(server.getsockname()[1]))
    assert result.exit_code == 2
    assert "metrics cannot be served" in result.stderr
