"""One deadline for a whole HTTP exchange, however slowly bytes arrive."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

__all__ = ["deadline", "observe_deadlines"]

_until: ContextVar[float | None] = ContextVar("evergrant_deadline", default=None)

PIECE = 16_384
"""Bytes that are sent at a time: each time has the rest of the time, and no more."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Limit what this thread sends and receives by HTTP in the block to a number of seconds."""
    until, outer = time.monotonic() + seconds, _until.get()
    before = _until.set(until if outer is None else min(until, outer))
    try:
        yield
    finally:
        _until.reset(before)


def observe_deadlines(client: httpx2.Client) -> None:
    """Have all connections of a client observe a `deadline`: through proxies, and in TLS, too.

    The timeouts of httpx2 are for each part that arrives, so that one byte in each of them holds
    its caller for ever.
    """
    # By the names they are kept under: httpx2 itself does not take a backend.
    inside = vars(client)
    for transport in (inside["_transport"], *inside["_mounts"].values()):
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            vars(pool)["_network_backend"] = _Backend(vars(pool)["_network_backend"])


def _left(timeout: float | None) -> float | None:
    """Return how long the next step may take.

    Raises:
        httpx2.ReadTimeout: The deadline has passed.
    """
    until = _until.get()
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        import httpx2

        raise httpx2.ReadTimeout("the exchange takes too long")
    return left if timeout is None else min(timeout, left)


class _Backend:
    """Opens connections that observe a deadline."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **kw: Any) -> Any:
        """Connect, to each of the host's addresses in turn."""
        import httpcore2

        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []  # connecting reports it
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found)) or [host]
        for address in addresses[:-1]:
            try:
                return _Stream(self._inner.connect_tcp(address, port, _left(timeout), **kw))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return _Stream(self._inner.connect_tcp(addresses[-1], port, _left(timeout), **kw))

    def connect_unix_socket(self, path: str, timeout: float | None = None, **kw: Any) -> Any:
        return _Stream(self._inner.connect_unix_socket(path, _left(timeout), **kw))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream:
    """A connection whose every step has the rest of the time, at the most."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = self._inner.read(max_bytes, _left(timeout))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            self._inner.write(buffer[start : start + PIECE], _left(timeout))

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> Any:
        limit = _left(timeout)
        connection = self._inner.get_extra_info("socket")
        # TLS inside TLS, that of a proxy, takes each part of a handshake for a new one.
        watchdog = Timer(limit, _shut, [connection]) if limit and _is_tls(self._inner) else None
        if watchdog:
            watchdog.daemon = True
            watchdog.start()
        try:
            return _Stream(self._inner.start_tls(ssl_context, server_hostname, limit))
        finally:
            if watchdog:
                watchdog.cancel()

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _is_tls(stream: Any) -> bool:
    return stream.get_extra_info("ssl_object") is not None


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # it has ended already
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
