"""What comes in drops: one deadline for the whole exchange, whatever part of it drips."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from evergrant._oauth.messages import HttpRequest
from evergrant._oauth.transport import HttpxTransport
from evergrant.errors import AccountsUnavailable


@contextmanager
def dripping(start: bytes) -> Iterator[str]:
    """Serve one byte after another, to whoever connects, whatever was asked."""
    enough = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(start)
            while not enough.wait(0.01):
                connection.sendall(b"a")

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=[listener.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        enough.set()
        listener.shutdown(socket.SHUT_RDWR)


HEADERS = b"HTTP/1.1 200 OK\r\nX-Drops: "
RECORD = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03"
"""The head of a TLS record of 16 KB, with the beginning of a ServerHello in it."""


@pytest.mark.parametrize(
    ("start", "url", "through_proxy"),
    [
        (b"", "http://{}/", False),
        (HEADERS, "http://{}/", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + HEADERS, "http://{}/", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", "http://{}/", False),
        (RECORD, "https://{}/", False),
        (HEADERS, "http://accounts.example.com/", True),
        (HEADERS, "https://accounts.example.com/", True),
        (b"HTTP/1.1 200 OK\r\n\r\n" + RECORD, "https://accounts.example.com/", True),
    ],
)
def test_whatever_comes_in_drops_ends_at_one_deadline(
    start: bytes, url: str, *, through_proxy: bool
) -> None:
    with dripping(start) as address:
        proxy = f"http://{address}" if through_proxy else None
        sender, began = HttpxTransport(timeout=0.1, proxy=proxy), time.monotonic()
        with pytest.raises(AccountsUnavailable):
            sender(HttpRequest("POST", url.format(address), body=b"x"))
        assert time.monotonic() - began < 5
        sender.close()
