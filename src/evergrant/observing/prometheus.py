"""Metrics for Prometheus; needs ``evergrant[prometheus]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evergrant.errors import MissingExtra, Throttled
from evergrant.events import (
    Event,
    LoggedIn,
    Refreshed,
    RefreshFailed,
    Revoked,
    SaveFailed,
    StoreFailed,
    StoreRecovered,
)

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["Metrics"]


class Metrics:
    """A listener that counts events; no label names a user or a token.

    Args:
        registry: Where the metrics are registered; by default one of their own.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        try:
            import prometheus_client as prometheus
        except ImportError:
            raise MissingExtra("metrics for Prometheus", extra="prometheus") from None
        self.registry = own = registry or prometheus.CollectorRegistry()
        counter = prometheus.Counter
        self._refreshes = counter(
            "evergrant_refreshes", "Renewals, by outcome.", ["outcome", "error"], registry=own
        )
        self._seconds = prometheus.Histogram(
            "evergrant_refresh_duration_seconds", "How long a renewal took.", registry=own
        )
        self._throttles = counter(
            "evergrant_throttles", "Renewals that Zoho's limits did not allow.", registry=own
        )
        self._store_up = prometheus.Gauge(
            "evergrant_store_up", "Whether the store answered when last asked.", registry=own
        )
        self._store_up.set(1)
        self._counters = {
            LoggedIn: counter("evergrant_logins", "Logins that were stored.", registry=own),
            Revoked: counter("evergrant_revocations", "Grants revoked at Zoho.", registry=own),
            SaveFailed: counter(
                "evergrant_save_failures", "Tokens that the store could not take.", registry=own
            ),
            StoreFailed: counter(
                "evergrant_store_failures", "Times the store did not answer.", registry=own
            ),
        }

    def __call__(self, event: Event) -> None:
        """Count an event."""
        if isinstance(event, Refreshed | RefreshFailed):
            error = getattr(event, "error", None)
            name = type(error).__name__ if error else ""
            self._refreshes.labels("failed" if error else "renewed", name).inc()
            if event.took is not None:
                self._seconds.observe(event.took)
            if isinstance(error, Throttled):
                self._throttles.inc()
        elif counter := self._counters.get(type(event)):
            counter.inc()
        if isinstance(event, StoreFailed | StoreRecovered):
            self._store_up.set(isinstance(event, StoreRecovered))

    def wsgi_app(self) -> Any:
        """Return a WSGI app that serves the metrics."""
        from prometheus_client import make_wsgi_app

        return make_wsgi_app(self.registry)

    def asgi_app(self) -> Any:
        """Return an ASGI app that serves the metrics."""
        from prometheus_client import make_asgi_app

        return make_asgi_app(self.registry)
