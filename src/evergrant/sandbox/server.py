"""Serves the sandbox on loopback ports: one thread accepts, one more for each connection."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from evergrant.sandbox.messages import Request, Response

__all__ = ["HOST", "Server"]

HOST = "127.0.0.1"
_MOST_BYTES = 32 * 1024 * 1024
_NO_BODY = (204, 304)

CLIENT_TIMEOUT_S = 60.0
"""Seconds that a client may take: for a request, from the end of the one before, and to read an
answer."""

TICK_S = 0.1
"""Seconds between two looks at the clients that take too long."""

PAUSE_S = 0.05
"""Seconds without another connection where there is no room for one."""

Answer = Callable[[Request], Response]


class Server:
    """HTTP/1.1 on several ports of the loopback interface.

    What answers a request may raise ConnectionError: the connection is then closed without an
    answer.
    """

    def __init__(self) -> None:
        self._answers: dict[socket.socket, Answer] = {}
        # Without a lock: each change of a dict is one step, and so is its copy.
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._deadlines: dict[socket.socket, float] = {}
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="sandbox", daemon=True)

    def listen(self, port: int, answer: Answer) -> int:
        """Open a port (0: a free one) and return its number.

        Raises:
            OSError: The port is taken.
        """
        listener = socket.create_server((HOST, port), backlog=128)
        listener.setblocking(False)
        self._answers[listener] = answer
        return int(listener.getsockname()[1])

    def start(self) -> None:
        """Serve what was opened."""
        self._thread.start()

    def stop(self) -> None:
        """Close ports and connections, and wait until their threads are gone."""
        self._wake.close()
        if self._thread.ident is not None:
            self._thread.join()
        for listener in self._answers:
            listener.close()
        self._woken.close()
        open_now = self._connections.copy()
        for connection in open_now:
            # Wakes its thread, which then closes it: closing here could hit a reused number.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in open_now.values():
            thread.join()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for pair in self._answers.items():
                selector.register(pair[0], selectors.EVENT_READ, pair)
            while True:
                self._shut_overdue()
                for key, _ in selector.select(TICK_S if self._connections else None):
                    if key.data is None:
                        return
                    listener, answer = key.data
                    try:
                        self._serve(listener.accept()[0], answer)
                    except (BlockingIOError, ConnectionError):
                        pass  # the client is gone again
                    except OSError:  # we are out of file descriptors
                        time.sleep(PAUSE_S)

    def _shut_overdue(self) -> None:
        # From here: a timeout of the socket would start again with every byte.
        now = time.monotonic()
        for connection, until in self._deadlines.copy().items():
            if until <= now:
                with contextlib.suppress(OSError):  # it is closed already
                    connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, connection: socket.socket, answer: Answer) -> None:
        thread = threading.Thread(
            target=self._talk, args=(connection, answer), name="sandbox-connection", daemon=True
        )
        self._connections[connection] = thread
        try:
            thread.start()
        except RuntimeError:  # there are too many threads
            del self._connections[connection]
            connection.close()

    def _talk(self, connection: socket.socket, answer: Answer) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                connection.setblocking(True)
                _Handler(connection, answer, self._deadlines)
        finally:
            self._deadlines.pop(connection, None)
            del self._connections[connection]


class _Handler(BaseHTTPRequestHandler):
    """One connection, kept alive for as many requests as come."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet, so no delayed acknowledgement waits

    def __init__(
        self,
        connection: socket.socket,
        answer: Answer,
        deadlines: dict[socket.socket, float] | None = None,
    ) -> None:
        self._answer = answer
        self._deadlines = {} if deadlines is None else deadlines
        super().__init__(connection, (HOST, 0), None)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._respond
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Stay quiet."""

    def version_string(self) -> str:
        """Name the server as Zoho's does."""
        return "ZGS"

    def handle_one_request(self) -> None:
        """Answer a request, if it arrives in time."""
        self._deadlines[self.connection] = time.monotonic() + CLIENT_TIMEOUT_S
        super().handle_one_request()

    def _respond(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            return self._give_up(411)
        if not (length.isascii() and length.isdigit()):
            return self._give_up(400)
        if int(length) > _MOST_BYTES:
            return self._give_up(413)
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionResetError
        del self._deadlines[self.connection]  # an answer may take its time
        response = self._answer(Request(self.command, path, query, headers, body))
        self._deadlines[self.connection] = time.monotonic() + CLIENT_TIMEOUT_S
        self._send(response)
        self.wfile.flush()
        return None

    def _give_up(self, status: int) -> None:
        self._send(Response(status, {"Connection": "close"}))

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status not in _NO_BODY:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if response.status not in _NO_BODY and self.command != "HEAD":
            self.wfile.write(response.body)
