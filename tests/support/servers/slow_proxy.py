"""A way to a server that, when told, lets what the server says pass by drops."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["Drip", "dripping"]

PAUSE = 0.1
"""Seconds from one byte to the next: never a silence that a driver's own timeout would notice."""


class Drip:
    """Carries connections to a port.

    Attributes:
        port: Where to connect to, on 127.0.0.1.
        slow: Answers go a byte at a time.
        cut: Of each answer, only so many bytes go; then the connection ends.
    """

    def __init__(self, listener: socket.socket, port: int) -> None:
        self.port: int = listener.getsockname()[1]
        self.slow = False
        self.cut: int | None = None
        self._listener = listener
        self._to = port

    def run(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._to))
                for ends in ((here, there, ""), (there, here, "answers")):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, back: str) -> None:
        with suppress(OSError), source:
            while data := source.recv(65_536):
                if back and self.cut is not None:
                    sink.sendall(data[: self.cut])
                    break
                if not (back and self.slow):
                    sink.sendall(data)
                    continue
                for byte in data:
                    sink.sendall(bytes([byte]))
                    time.sleep(PAUSE)
            sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def dripping(port: int) -> Iterator[Drip]:
    """Open a way to a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        drip = Drip(listener, port)
        threading.Thread(target=drip.run, daemon=True).start()
        yield drip
        listener.shutdown(socket.SHUT_RDWR)
