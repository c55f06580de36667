"""Servers of our own against slow clients: each holds its own connection, for a while at most."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

from evergrant._network.socket_watchdog import Exchange, belongs_to_exchange

__all__ = ["REQUEST_TIMEOUT_S", "OneRequestHandler"]

REQUEST_TIMEOUT_S = 10.0
"""Seconds that a request may take to arrive, from the connection to its last header."""


class OneRequestHandler(BaseHTTPRequestHandler):
    """Reads the one request of a connection in time, however slowly it arrives."""

    timeout = REQUEST_TIMEOUT_S  # of each part of the answer

    def handle(self) -> None:
        """Serve the connection."""
        with Exchange(REQUEST_TIMEOUT_S):
            belongs_to_exchange(self.connection)
            super().handle()

    def parse_request(self) -> bool:
        """Read the headers; what answers takes the time that it needs."""
        is_sound = super().parse_request()
        belongs_to_exchange(None)
        return is_sound
