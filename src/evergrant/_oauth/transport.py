"""Carries requests over HTTP (httpx2): timeouts, no redirects, a bound on what is read."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from evergrant._fork import PerProcess, ProcessLock
from evergrant._logging.libraries import rate_limited_libraries
from evergrant._masking import raise_without_context
from evergrant._network.http_client import open_client, shows_sending
from evergrant._network.http_deadline import deadline
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant.errors import AccountsUnavailable
from evergrant.token import Secret

if TYPE_CHECKING:
    import httpx2

__all__ = ["HttpxTransport"]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

MAX_RESPONSE_BYTES = 1 << 20
"""Longer responses are cut off: one of OAuth's has a few hundred bytes."""

TOTAL_TIMEOUT_FACTOR = 3
"""How many timeouts a whole exchange may take: a response that comes in drops must end."""


class HttpxTransport:
    """Sends requests over pooled connections; safe to share between threads, and across a fork.

    Args:
        timeout: Seconds to wait for a connection, and for each part of a response; the whole
            exchange may take `TOTAL_TIMEOUT_FACTOR` times as long.
        proxy: The URL of the proxy to go through; else that of the environment, as httpx2 does.
    """

    def __init__(self, timeout: float, *, proxy: str | None = None) -> None:
        self._timeout = timeout
        self._proxy = proxy and Secret(proxy)  # it may hold a password
        self._lock = ProcessLock()
        # A forked child would share its parent's sockets: it gets a client of its own, and leaves
        # the inherited one alone.
        self._clients = PerProcess(self._new_client)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Send one request; return its response.

        Raises:
            AccountsUnavailable: No answer came.
            ConfigError: Nothing can be sent as this program is set up.
        """
        # Imported when first needed: httpx2 takes longer to load than the rest of us together.
        import httpx2

        client, sent = self._connected(), list[bool]()
        try:
            return self._exchange(client, request, sent)
        except (
            httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError, OSError
        ) as error:  # fmt: skip
            raise_without_context(
                AccountsUnavailable(
                    f"no answer from {urlsplit(request.url).hostname} "
                    f"({type(error).__name__}, timeout {self._timeout:g} s)",
                    sent=bool(sent),
                )
            )

    def prepare(self) -> None:
        """Make the client, so that what cannot work is known before anything is counted.

        Raises:
            ConfigError: Nothing can be sent as this program is set up.
        """
        self._connected()

    def _connected(self) -> httpx2.Client:
        with self._lock.get():
            return self._clients.get()

    def _new_client(self) -> httpx2.Client:
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx2

        return open_client(
            timeout=self._timeout,
            proxy=self._proxy and str.__str__(self._proxy),
            follow_redirects=False,
            # Requests that wait for one server must not delay those to another.
            limits=httpx2.Limits(max_keepalive_connections=20),
            # One user's cookies must not travel with another's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            # A sandbox on this machine is not behind the proxy that Zoho is behind.
            mounts={f"all://{host}": None for host in LOOPBACK},
        )

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._lock.get():
            client = self._clients.pop()
        if client is not None:
            client.close()

    def _exchange(
        self, client: httpx2.Client, request: HttpRequest, sent: list[bool]
    ) -> HttpResponse:
        with (
            rate_limited_libraries("httpx2", "httpcore2"),
            deadline(TOTAL_TIMEOUT_FACTOR * self._timeout),
            client.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                extensions=shows_sending(sent),
            ) as response,
        ):
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_RESPONSE_BYTES:
                    break
            headers = {name.lower(): value for name, value in response.headers.items()}
            return HttpResponse(response.status_code, headers, body)
