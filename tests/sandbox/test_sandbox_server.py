"""The sandbox over sockets: as a server that clients, browsers and other processes can use."""

from __future__ import annotations

import contextlib
import gc
import http.client
import json
import socket
import threading
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest

from evergrant.sandbox import Sandbox
from evergrant.sandbox.messages import Request, Response
from evergrant.sandbox.server import Server, _Handler
from tests.support.sandbox.accounts_caller import ALICE, REDIRECT, TOKEN, Caller, query_of


def talk(port: int, sent: bytes) -> bytes:
    """Send bytes, say that there are no more, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def port_of(zoho: Sandbox) -> int:
    port = urlsplit(zoho.url).port
    assert port
    return port


def test_a_login_from_page_to_refresh_over_http(zoho: Sandbox, app: Caller) -> None:
    with httpx2.Client(trust_env=False) as http:
        page = http.get(app.auth_url(state="s")).text
        ticket = page.split('name="ticket" value="')[1].split('"')[0]
        account = f"{ALICE}:{zoho.user(ALICE).orgs[0].zgid}"
        form = {"ticket": ticket, "account": account, "decision": "allow"}
        back = http.post(f"{zoho.url}/oauth/v2/approve", data=form)
        assert back.status_code == 302
        who = {
            "client_id": zoho.client.client_id,
            "client_secret": zoho.client.client_secret,
            "redirect_uri": REDIRECT,
        }
        code = query_of(back.headers["location"])["code"]
        exchange = {**who, "grant_type": "authorization_code", "code": code}
        granted = http.post(zoho.url + TOKEN, data=exchange).json()
        refresh = {**who, "grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
        token = http.post(zoho.url + TOKEN, data=refresh).json()["access_token"]
        sign = {"Authorization": f"Zoho-oauthtoken {token}"}
        answer = http.get(f"{zoho.url}/oauth/user/info", headers=sign)
        assert answer.json()["Email"] == ALICE
        assert answer.headers["server"] == "ZGS"
        assert answer.headers.get_list("date", split_commas=False) == [answer.headers["date"]]
    assert zoho.calls.count() == 5


def test_one_connection_serves_many_requests(zoho: Sandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(zoho))
    connection.connect()
    first = connection.sock
    for _ in range(3):
        connection.request("GET", "/oauth/serverinfo")
        assert connection.getresponse().read().startswith(b'{"locations"')
        assert connection.sock is first
    connection.close()


class Recorder(socket.socket):
    """A socket that notes what goes out, and how."""

    def __init__(self, plain: socket.socket) -> None:
        super().__init__(fileno=plain.detach())
        self.sent: list[bytes] = []
        self.options: list[tuple[object, ...]] = []

    def send(self, data: Any, flags: int = 0) -> int:
        self.sent.append(bytes(data))
        return super().send(data, flags)

    def setsockopt(self, *option: Any) -> None:
        self.options.append(option)


def test_an_answer_leaves_in_one_packet_without_waiting() -> None:
    near, far = socket.socketpair()
    with Recorder(far) as connection, near:
        near.sendall(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        _Handler(connection, lambda request: Response(200, {}, b"x" * 1000))
        assert [len(packet) > 1000 for packet in connection.sent] == [True, True]
        assert connection.options == [(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)]


def test_head_and_204_have_no_body() -> None:
    server = Server()
    status = {"/204": 204, "/304": 304}
    port = server.listen(0, lambda request: Response(status.get(request.path, 200), {}, b"body"))
    server.start()
    try:
        for path in ("/204", "/304"):
            answer = talk(port, f"GET {path} HTTP/1.1\r\n\r\n".encode())
            assert answer.endswith(b"\r\n\r\n")
            assert b"ontent-" not in answer
        head = talk(port, b"HEAD / HTTP/1.1\r\n\r\n")
        assert b"Content-Length: 4" in head
        assert head.endswith(b"\r\n\r\n")
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: ten\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x00\xff\r\n\r\n", b"400"),
    ],
)
def test_a_malformed_request_is_refused_and_the_connection_closed(
    zoho: Sandbox, sent: bytes, status: bytes
) -> None:
    answer = talk(port_of(zoho), sent + b"GET /oauth/serverinfo HTTP/1.1\r\n\r\n")
    assert status in answer
    assert b"locations" not in answer
    assert zoho.calls.count() == 0


def test_half_a_request_is_not_executed(zoho: Sandbox) -> None:
    sent = f"POST {TOKEN} HTTP/1.1\r\nContent-Length: 100\r\n\r\ngrant_type=".encode()
    assert talk(port_of(zoho), sent) == b""
    assert zoho.calls.count() == 0


def test_a_cut_connection_gives_no_answer(zoho: Sandbox) -> None:
    zoho.faults.drop_answer()
    zoho.faults.refuse()
    with httpx2.Client(trust_env=False) as http:
        for _ in range(2):
            with pytest.raises(httpx2.RemoteProtocolError):
                http.post(zoho.url + TOKEN, data={"grant_type": "refresh_token"})
        assert http.post(zoho.url + TOKEN).json() == {"error": "invalid_client"}


def test_nothing_listens_beyond_the_loopback_interface() -> None:
    server = Server()
    server.listen(0, lambda request: Response())
    try:
        assert [listener.getsockname()[0] for listener in server._answers] == ["127.0.0.1"]
    finally:
        server.stop()


def test_stop_closes_idle_connections_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    zoho = Sandbox().start()
    port = port_of(zoho)
    idle = socket.create_connection(("127.0.0.1", port))
    used = http.client.HTTPConnection("127.0.0.1", port)
    used.request("GET", "/oauth/serverinfo")
    used.getresponse().read()
    zoho.stop()
    zoho.stop()
    assert idle.recv(1) == b""
    assert set(threading.enumerate()) == before
    idle.close()
    used.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_stop_does_not_wait_for_latency() -> None:
    arrived = threading.Event()

    class Noted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            arrived.set()
            return super().wait(timeout)

    with Sandbox() as zoho:
        zoho._handler.stopping = Noted()
        zoho.faults.latency(3600, path="/oauth/serverinfo")
        connection = http.client.HTTPConnection("127.0.0.1", port_of(zoho))
        connection.request("GET", "/oauth/serverinfo")
        assert arrived.wait(60)
    connection.close()


def test_a_sandbox_can_be_started_again() -> None:
    zoho = Sandbox()
    with zoho:
        refresh_token = Caller(zoho).login()["refresh_token"]
        with pytest.raises(RuntimeError, match="runs already"):
            zoho.start()
    with zoho:
        assert Caller(zoho).refresh(refresh_token).status == 200


def running_on_given_ports(attempts: int = 50) -> Sandbox:
    """Start a sandbox on ports that were free a moment ago; somebody may take one meanwhile."""
    for _ in range(attempts):
        with Sandbox() as other:
            free = port_of(other)
        with contextlib.suppress(OSError, OverflowError):
            return Sandbox(data_centers=("us",), port=free).start()
    raise AssertionError("no three free ports in a row")


def test_a_given_port_is_used_and_those_after_it() -> None:
    with contextlib.ExitStack() as stack:
        zoho = running_on_given_ports()
        stack.callback(zoho.stop)
        home = zoho.data_center("us")
        urls = (home.accounts_url, home.sandbox_url, home.developer_url)
        ports = [urlsplit(url or "").port for url in urls]
        assert ports == list(range(zoho._hosts._port, zoho._hosts._port + 3))


def test_a_taken_port_is_an_error_that_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        zoho = Sandbox(port=taken.getsockname()[1] - 1)
        with pytest.raises(OSError, match="in use"):
            zoho.start()
    zoho.stop()
    gc.collect()  # an open socket would be told of here


def test_parallel_connections_are_served_apart(zoho: Sandbox, app: Caller) -> None:
    granted = [app.login(offline=False) for _ in range(8)]
    emails = []

    def ask(token: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port_of(zoho))
        for _ in range(10):
            sign = {"Authorization": f"Zoho-oauthtoken {token}"}
            connection.request("GET", "/oauth/user/info", headers=sign)
            emails.append(json.loads(connection.getresponse().read())["Email"])
        connection.close()

    threads = [threading.Thread(target=ask, args=(each["access_token"],)) for each in granted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert emails == [ALICE] * 80


def test_the_body_reaches_the_answerer_as_it_was_sent() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return Response(200, {}, b"")

    server = Server()
    port = server.listen(0, answer)
    server.start()
    body = urlencode({"a": "é b"}).encode() + b"\x00\xff"
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("PATCH", "/p?q=1&r=%20", body, {"X-One": "Two"})
        connection.getresponse().read()
        connection.close()
    finally:
        server.stop()
    (request,) = seen
    assert (request.method, request.path, request.query) == ("PATCH", "/p", "q=1&r=%20")
    assert (request.headers["x-one"], request.body) == ("Two", body)
