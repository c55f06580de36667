"""Prometheus metrics of a command that keeps running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evergrant.errors import ConfigError

if TYPE_CHECKING:
    from evergrant.observing.prometheus import Metrics

__all__ = ["make_metrics", "serve_metrics"]

MAX_PORT = 65_535


def make_metrics(address: str | None) -> Metrics | None:
    """Return a listener that counts events, or None if no metrics are wanted."""
    if address is None:
        return None
    from evergrant.observing.prometheus import Metrics

    return Metrics()


@contextmanager
def serve_metrics(metrics: Metrics | None, address: str | None) -> Iterator[None]:
    """Serve metrics at the address, if any; by default on this machine only.

    Raises:
        ConfigError: The address is malformed, or cannot be listened at.
    """
    if metrics is None or address is None:
        yield
        return
    host, _, port = address.rpartition(":")
    if not port.isascii() or not port.isdecimal() or int(port) > MAX_PORT:
        raise ConfigError(f"{address!r} is not an address", hint="Write PORT, or HOST:PORT.")
    end = metrics.serve(host.strip("[]") or "127.0.0.1", int(port))
    try:
        yield
    finally:
        end()
