"""A web app at an address of its own, and somebody with a browser who logs in there."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from evergrant.sandbox import Sandbox

__all__ = ["Visitor", "address_of", "mounted", "served"]

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}

Wsgi = Callable[..., Any]


def mounted(app: Wsgi, root: str) -> Wsgi:
    """Return a WSGI app that is served below a prefix, and nothing beside it."""
    from werkzeug.exceptions import NotFound
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    return DispatcherMiddleware(NotFound(), {root: app}) if root else app


def address_of(door: socket.socket) -> str:
    """Return the address of an app that listens there."""
    return f"http://127.0.0.1:{door.getsockname()[1]}"


@contextmanager
def served(app: Wsgi, door: socket.socket) -> Iterator[str]:
    """Serve a WSGI app on a listening socket; yield its address."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    server = make_server(
        "127.0.0.1", 0, app, threaded=True, request_handler=Quiet, fd=door.fileno()
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield address_of(door)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Visitor:
    """A browser with cookies of its own.

    Args:
        url: The app's address.
    """

    def __init__(self, url: str, zoho: Sandbox) -> None:
        self._zoho = zoho
        self._url = url
        self.browser = httpx2.Client(base_url=url, headers={"Accept": "text/html"}, timeout=60)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        """Ask for a page, without following where it sends."""
        return self.browser.get(path, **more)

    def to_zoho(self, path: str = "/zoho/login") -> str:
        """Begin a login; return where it sends the browser."""
        answer = self.get(path)
        assert answer.status_code in (302, 303), answer.text
        return str(answer.headers["location"])

    def log_in(self, user: str, path: str = "/zoho/login") -> str:
        """Log in, and return the path that the browser ends on."""
        back = self._zoho.consent(self.to_zoho(path), user)
        answer = self.get(back)
        assert answer.status_code in (302, 303), answer.text
        return str(answer.headers["location"])

    def log_out(self, front: str = "/", *, revoke: bool = False) -> httpx2.Response:
        """Press a button of the front page."""
        page = self.get(front).text
        (form,) = (
            found
            for found in re.findall(r'<form method="post".*?</form>', page, re.DOTALL)
            if ("revoke=1" in found) is revoke
        )
        action, token = re.search(r'action="([^"]+)"', form), re.search(r'value="([^"]+)"', form)
        assert action, form
        data = {"csrfmiddlewaretoken": token[1]} if token else {}
        return self.browser.post(action[1], data=data, headers=SAME_ORIGIN)
