"""Receives the redirect that ends a login by browser, on a page on this machine."""

from __future__ import annotations

import hmac
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from html import escape
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self

from evergrant._network.http_server import OneRequestHandler
from evergrant._oauth.redirect import parse_redirect
from evergrant._text import printable
from evergrant.errors import ConfigError, ConsentDenied, NoRefreshToken, UntrustedServer
from evergrant.token import Token

__all__ = ["CallbackServer", "PendingLogin"]

_LOOPBACK_URL = re.compile(
    r"(?P<host>http://(127\.0\.0\.1|localhost)):(?P<port>\d{1,5})(?P<path>/[^?#]*|)"
)
_MAX_PORT = 65535

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Connection": "close",
}

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;margin:20vh auto;max-width:34rem;
padding:0 1rem}}</style>
<h1>{title}</h1><p>{text}</p></html>
"""


class PendingLogin:
    """Waits for the redirect that belongs to one login; refuses all others and keeps waiting.

    Args:
        state: The login's ``state`` parameter. A request without it cannot end the wait.
        complete: Finishes the login with the redirect's URL or path.
        again: Returns the address at Zoho that asks for consent again, or None. It is used once,
            if a login brought no refresh token because the user had consented before.
    """

    def __init__(
        self,
        state: str,
        complete: Callable[[str], Token],
        again: Callable[[], str] | None = None,
    ) -> None:
        self._state = state.encode()
        self._complete = complete
        self._again = again
        self._onward: dict[bytes, str] = {}
        self._lock = threading.Lock()
        self._outcome: Future[Token] = Future()
        self._user: str | None = None

    def complete(
        self,
        redirect: str,
        show_result: Callable[[str], None],
        redirect_browser: Callable[[str], None],
    ) -> None:
        """Finish the login with this redirect, unless another redirect did.

        Args:
            redirect: The redirect's URL or path.
            show_result: Called before the wait ends, with the user's name, or "" if the login
                failed.
            redirect_browser: Called instead, with the address that asks for consent again.

        Raises:
            UntrustedServer: The redirect does not belong to this login; the wait continues.
        """
        state = parse_redirect(redirect).state.encode()
        with self._lock:
            if address := self._onward.get(state):
                redirect_browser(address)  # the browser reloaded the page
                return
            if not hmac.compare_digest(state, self._state):
                raise UntrustedServer("a redirect that does not belong to this login was ignored")
            if self._user is None:
                self._finish(redirect, show_result, redirect_browser)
            else:
                show_result(self._user)  # reloaded, as above

    def _finish(
        self,
        redirect: str,
        show_result: Callable[[str], None],
        redirect_browser: Callable[[str], None],
    ) -> None:
        try:
            try:
                token = self._complete(redirect)
            except NoRefreshToken:
                if self._again is None:
                    raise
                address, self._again = self._again(), None
                self._onward[self._state] = address
                self._state = parse_redirect(address).state.encode()
                redirect_browser(address)
                return
        except Exception as error:  # noqa: BLE001 - raised again by wait
            self._user = ""
            show_result(self._user)
            self._outcome.set_exception(error)
        else:
            self._user = token.user_name or ""
            show_result(self._user)
            self._outcome.set_result(token)

    def fail(self, why: str) -> None:
        """End the wait, because no redirect can come any more."""
        with self._lock:
            if self._user is None:
                self._user = ""
                self._outcome.set_exception(ConfigError(why))

    def wait(self, seconds: float) -> Token:
        """Return the token of the user who logged in.

        Raises:
            ConsentDenied: The user did not come back in time.
            EvergrantError: The login failed.
        """
        try:
            return self._outcome.result(seconds)
        except TimeoutError:
            raise ConsentDenied(
                f"the user did not come back from Zoho within {seconds / 60:g} minutes",
                hint="Start the login again.",
            ) from None


def parse_loopback_url(redirect_url: str) -> re.Match[str]:
    """Return the host, port and path of a redirect URL on this machine.

    Raises:
        ConfigError: The URL is not an address of this machine.
    """
    parts = _LOOPBACK_URL.fullmatch(redirect_url)
    if parts is None or int(parts["port"]) > _MAX_PORT:
        raise ConfigError(
            f"the redirect URL {redirect_url} does not lead back to this command",
            hint="Register and set http://127.0.0.1:PORT/…, or use --no-browser.",
        )
    return parts


class CallbackServer:
    """Listens at a redirect URL on this machine; any other path is not found.

    Args:
        redirect_url: http, on 127.0.0.1 or localhost. Port 0 means any free port.

    Attributes:
        url: The redirect URL with the port that was opened.

    Raises:
        ConfigError: The URL is not an address of this machine, or its port is in use.
    """

    def __init__(self, redirect_url: str) -> None:
        parts = parse_loopback_url(redirect_url)
        try:
            self._server = _Server(("127.0.0.1", int(parts["port"])), _Handler)
        except OSError as error:
            raise ConfigError(
                f"port {parts['port']} of the redirect URL cannot be opened: {error.strerror}",
                hint="End the program that uses it, or use --no-browser.",
            ) from None
        self._server.path = parts["path"] or "/"
        self.url = f"{parts['host']}:{self._server.server_port}{parts['path']}"

    def serve(self, pending: PendingLogin, refused: Callable[[str], None]) -> None:
        """Pass each redirect to the pending login, until this server is closed.

        Args:
            refused: Called with the reason why a redirect was refused.
        """
        self._server.pending, self._server.refused = pending, refused
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._server.pending:
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    # One thread per connection: browsers open connections that they never use.
    path = "/"
    pending: PendingLogin | None = None
    refused: Callable[[str], None]
    # Another program must not be able to share the port and take the code.
    allow_reuse_port = False

    def server_bind(self) -> None:
        """Bind, without a DNS query for the name of 127.0.0.1."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: a browser may close its connection at any time."""


class _Handler(OneRequestHandler):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - the base's name
        """Receive the redirect."""
        if self.server.pending is None or self.path.partition("?")[0] != self.server.path:
            self._send_page(HTTPStatus.NOT_FOUND, "Not found", "There is no page at this address.")
            return
        try:
            self.server.pending.complete(self.path, self._show_result, self._redirect_browser)
        except UntrustedServer as error:
            self.server.refused(error.message)
            self._send_page(
                HTTPStatus.BAD_REQUEST,
                "Not this login",
                "This redirect does not belong to the login that is in progress.",
            )

    def _redirect_browser(self, address: str) -> None:
        self._send_page(
            HTTPStatus.SEE_OTHER,
            "One more step",
            "Zoho asks for your consent once more.",
            {"Location": address},
        )

    def _show_result(self, user: str) -> None:
        if user:
            text = f"You are logged in as {escape(printable(user))}. You can close this window."
            self._send_page(HTTPStatus.OK, "Done", text)
        else:
            text = "The terminal says why. You can close this window."
            self._send_page(HTTPStatus.OK, "The login failed", text)

    def _send_page(
        self, status: HTTPStatus, title: str, text: str, more: Mapping[str, str] = _HEADERS
    ) -> None:
        body = _PAGE.format(title=title, text=text).encode()
        try:
            self.send_response(status)
            for name, value in {**_HEADERS, **more}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def version_string(self) -> str:
        """Name the server without its version."""
        return "evergrant"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Log nothing: the address contains the code."""
