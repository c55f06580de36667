"""The way over HTTP: whatever the other side does, an answer or one error, and no secret lost."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from evergrant._oauth.messages import HttpRequest, HttpResponse, form_request
from evergrant._oauth.transport import MAX_RESPONSE_BYTES, HttpxTransport
from evergrant.errors import AccountsUnavailable, ConfigError
from tests.support.servers.scripted_server import Server, saying, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Zoho: ZGS\r\n\r\n{}"


@pytest.fixture
def sender() -> Iterator[HttpxTransport]:
    sender = HttpxTransport(timeout=5)
    yield sender
    sender.close()


def post(server: Server) -> HttpRequest:
    return form_request(f"{server.url}/oauth/v2/token", {"refresh_token": "1000.canary"})


def test_a_call_arrives_as_it_is_and_the_answer_comes_back(sender: HttpxTransport) -> None:
    with serving(saying(OK)) as server:
        assert sender(post(server)) == HttpResponse(
            200, {"content-length": "2", "x-zoho": "ZGS"}, b"{}"
        )
    request = server.seen[0]
    assert request.startswith(b"POST /oauth/v2/token HTTP/1.1\r\n")
    assert request.endswith(b"\r\n\r\nrefresh_token=1000.canary")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(sender: HttpxTransport, status: int) -> None:
    with serving(saying(OK)) as evil:
        moved = b"HTTP/1.1 %d Moved\r\nLocation: %s/\r\nContent-Length: 0\r\n\r\n"
        with serving(saying(moved % (status, evil.url.encode()))) as server:
            assert sender(post(server)).status == status
        assert evil.connections == 0


def test_one_users_cookies_do_not_travel_with_anothers_request(sender: HttpxTransport) -> None:
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: iamcsr=alice; Path=/\r\nContent-Length: 0\r\n\r\n"
    with serving(saying(cookie)) as server:
        sender(post(server))
        sender(post(server))
    assert len(server.seen) == 2
    assert b"alice" not in server.seen[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_stands_between_two_programs_of_one_machine(
    host: str, sender: HttpxTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(saying(OK)) as server:
        address = server.url.replace("127.0.0.1", host)
        assert sender(HttpRequest("GET", address)).status == 200


def test_nobody_listens_so_nothing_was_sent(sender: HttpxTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(AccountsUnavailable, match=r"127\.0\.0\.1 \(ConnectError") as caught:
        sender(HttpRequest("POST", f"http://127.0.0.1:{port}/", body=b"x"))
    assert not caught.value.sent


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b'{"access_token":"1000.canary',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_none_but_the_request_was_seen(
    sender: HttpxTransport, answer: bytes
) -> None:
    with (
        serving(saying(answer, close=True)) as server,
        pytest.raises(AccountsUnavailable) as caught,
    ):
        sender(post(server))
    assert caught.value.sent
    assert caught.value.retryable
    ours = traceback.walk_tb(caught.tb.tb_next)
    shown = traceback.StackSummary.extract(ours, capture_locals=True).format()
    assert "canary" not in "".join(shown)


def test_a_server_that_never_answers_is_not_waited_for() -> None:
    silence = threading.Event()

    def say_nothing(connection: socket.socket, request: bytes) -> None:
        silence.wait(30)

    with serving(say_nothing) as server:
        with pytest.raises(AccountsUnavailable, match=r"ReadTimeout, timeout 0\.05 s") as caught:
            HttpxTransport(timeout=0.05)(post(server))
        silence.set()
    assert caught.value.sent


def test_an_answer_that_comes_in_drops_is_not_waited_for() -> None:
    enough = threading.Event()

    def drip(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        for _ in range(4000):
            connection.sendall(b" ")
            if enough.wait(0.01):
                return

    with serving(drip) as server:
        with pytest.raises(AccountsUnavailable, match="ReadTimeout") as caught:
            HttpxTransport(timeout=0.1)(post(server))
        enough.set()
    assert caught.value.sent


def test_a_token_that_no_header_can_carry_is_not_sent_and_not_shown(sender: HttpxTransport) -> None:
    with serving(saying(OK)) as server:
        for token in ("can\xe4ry", "canary\ud800"):
            call = HttpRequest("GET", server.url, {"authorization": token})
            with pytest.raises(AccountsUnavailable, match="UnicodeEncodeError") as caught:
                sender(call)
            assert not caught.value.sent
            assert token not in str(caught.value)
        assert server.seen == []


def test_a_flood_is_cut_off(sender: HttpxTransport) -> None:
    def flood(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with serving(flood) as server:
        assert MAX_RESPONSE_BYTES < len(sender(post(server)).body) <= 2 * MAX_RESPONSE_BYTES


def test_an_address_that_is_none_is_sent_nothing(sender: HttpxTransport) -> None:
    for url in ("ftp://127.0.0.1/", "http://127.0.0.1:99999/"):
        with pytest.raises(AccountsUnavailable):
            sender(HttpRequest("POST", url, body=b"x"))


def test_connections_are_kept_and_shared_between_threads(sender: HttpxTransport) -> None:
    with serving(saying(OK)) as server:
        for _ in range(5):
            sender(post(server))
        assert server.connections == 1
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: sender(post(server)), range(40)))
        assert {answer.status for answer in answers} == {200}
        assert server.connections <= 4


def test_a_closed_sender_opens_anew(sender: HttpxTransport) -> None:
    with serving(saying(OK)) as server:
        sender(post(server))
        sender.close()
        assert sender(post(server)).status == 200
        assert server.connections == 2


FORKED = """
import os, sys, warnings
from evergrant._oauth.messages import form_request
from evergrant._oauth.transport import HttpxTransport

warnings.simplefilter("ignore")
sender = HttpxTransport(5)
call = form_request(sys.argv[1], {"x": "1"})
assert sender(call).status == 200
child = os.fork()
if child == 0:
    status = sender(call).status
    sender.close()
    os._exit(status != 200)
assert os.waitpid(child, 0)[1] == 0
assert sender(call).status == 200
sender.close()
"""


def test_a_forked_child_does_not_share_its_parents_connection() -> None:
    with serving(saying(OK)) as server:
        subprocess.run([sys.executable, "-c", FORKED, server.url], check=True, timeout=60)
        assert server.connections == 2
        assert len(server.seen) == 3


def test_a_proxy_that_was_named_carries_the_call_and_its_password_does_not_show() -> None:
    with serving(saying(OK)) as proxy:
        address = proxy.url.replace("http://", "http://me:canary@")
        sender = HttpxTransport(timeout=5, proxy=address)
        call = form_request("http://accounts.example.com/oauth/v2/token", {"code": "1000.x"})
        assert sender(call).status == 200
        assert proxy.seen[0].startswith(b"POST http://accounts.example.com/oauth/v2/token ")
        assert b"proxy-authorization: basic" in proxy.seen[0].lower()
        assert "canary" not in repr(vars(sender))
        sender.close()


@pytest.mark.parametrize(
    "refusal",
    [b"HTTP/1.1 407 Who?", b"HTTP/1.1 502 Bad Gateway", b"HTTP/1.1 200 OK", b"SSH-2.0", b""],
)
def test_a_proxy_that_lets_nobody_through_was_sent_nothing(refusal: bytes) -> None:
    ending = b"\r\nContent-Length: 0\r\n\r\n" if refusal else b""
    with serving(saying(refusal + ending, close=True)) as proxy:
        sender = HttpxTransport(timeout=5, proxy=proxy.url)
        with pytest.raises(AccountsUnavailable) as caught:
            sender(form_request("https://accounts.example.com/oauth/v2/token", {"code": "canary"}))
        sender.close()
        assert not any(b"canary" in seen for seen in proxy.seen)
    assert not caught.value.sent


def test_a_server_whose_certificate_is_not_trusted_was_sent_nothing(sender: HttpxTransport) -> None:
    with serving(saying(b"no TLS at all", close=True)) as server:
        with pytest.raises(AccountsUnavailable) as caught:
            sender(form_request(server.url.replace("http:", "https:"), {"code": "canary"}))
        assert not any(b"canary" in seen for seen in server.seen)
    assert not caught.value.sent


@pytest.mark.parametrize(
    "proxy", ["ftp://127.0.0.1:1", "socks5://me:canary@127.0.0.1:1", "nonsense"]
)
def test_a_proxy_that_cannot_be_used_is_a_setting_and_its_password_does_not_show(
    proxy: str,
) -> None:
    with pytest.raises(ConfigError, match="proxy") as caught:
        HttpxTransport(timeout=5, proxy=proxy).prepare()
    ours = traceback.walk_tb(caught.tb.tb_next)
    shown = traceback.StackSummary.extract(ours, capture_locals=True).format()
    assert "canary" not in "".join([*shown, str(caught.value)])
