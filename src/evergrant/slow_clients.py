"""Servers of our own against slow clients: each holds its own connection, for a while at most."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

from evergrant.watchdog import Exchange, uses

__all__ = ["PATIENCE", "OneRequest"]

PATIENCE = 10.0
"""Seconds that a request may take to arrive, from the connection to its last header."""


class OneRequest(BaseHTTPRequestHandler):
    """Reads the one request of a connection in time, however slowly it arrives."""

    timeout = PATIENCE  # of each part of the answer

    def handle(self) -> None:
        """Serve the connection."""
        with Exchange(PATIENCE):
            uses(self.connection)
            super().handle()

    def parse_request(self) -> bool:
        """Read the headers; what answers takes the time that it needs."""
        is_sound = super().parse_request()
        uses(None)
        return is_sound
