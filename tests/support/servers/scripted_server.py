"""A server that says what a script tells it to, byte for byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Script", "Server", "saying", "serving"]

Script = Callable[[socket.socket, bytes], None]


class Server:
    """Answers each connection's requests by a script; notes what it was sent."""

    def __init__(self, listener: socket.socket, script: Script) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.seen: list[bytes] = []
        self.connections = 0
        self._listener = listener
        self._script = script

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            while request := self._read(connection):
                self.seen.append(request)
                try:
                    self._script(connection, request)
                except OSError:
                    return

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        try:
            while b"\r\n\r\n" not in data:
                if not (chunk := connection.recv(65536)):
                    return b""
                data += chunk
            head, _, body = data.partition(b"\r\n\r\n")
            fields = head.lower().split(b"\r\n")
            length = next((int(f[15:]) for f in fields if f.startswith(b"content-length:")), 0)
            while len(body) < length:
                body += connection.recv(65536)
        except OSError:
            return b""
        return head + b"\r\n\r\n" + body


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener, script)
        threading.Thread(target=server.run, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


def saying(answer: bytes, *, close: bool = False) -> Script:
    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(answer)
        if close:
            connection.shutdown(socket.SHUT_RDWR)

    return script
