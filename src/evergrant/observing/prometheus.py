"""Metrics for Prometheus; needs ``evergrant[prometheus]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from evergrant._delivery import standings
from evergrant._network.http_server import OneRequestHandler
from evergrant.errors import ConfigError, MissingExtra, Throttled
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
    from prometheus_client.core import Metric

__all__ = ["Metrics"]


class Metrics:
    """A listener that counts events. No label names a user or a token.

    How many events listeners missed, and whether they are late, is read at each scrape, for every
    listener of this process and for the handlers of its log (``log``).

    Args:
        registry: Where the metrics are registered. Default: a registry of their own.

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
            "evergrant_refreshes", "Refreshes, by outcome.", ["outcome", "error"], registry=own
        )
        self._seconds = prometheus.Histogram(
            "evergrant_refresh_duration_seconds", "How long a refresh took.", registry=own
        )
        self._throttles = counter(
            "evergrant_throttles", "Refreshes that Zoho's limits did not allow.", registry=own
        )
        self._store_up = prometheus.Gauge(
            "evergrant_store_up", "Whether the store answered when last asked.", registry=own
        )
        self._store_up.set(1)
        own.register(_ListenerCollector())
        self._states: set[str] = set()
        self._tokens = prometheus.Gauge(
            "evergrant_tokens", "Tokens in the store, by state.", ["state"], registry=own
        )
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
            self._refreshes.labels("failed" if error else "refreshed", name).inc()
            if event.took is not None:
                self._seconds.observe(event.took)
            if isinstance(error, Throttled):
                self._throttles.inc()
        elif counter := self._counters.get(type(event)):
            counter.inc()
        if isinstance(event, StoreFailed | StoreRecovered):
            self._store_up.set(isinstance(event, StoreRecovered))

    def note_tokens(self, counts: Mapping[str, int]) -> None:
        """Set how many tokens are in each state; a state that is left out has none."""
        self._states |= counts.keys()
        for state in self._states:  # every state each time: a scrape may come in between
            self._tokens.labels(state).set(counts.get(state, 0))

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Serve the metrics at ``/metrics`` in a thread; return a function that stops the server.

        Raises:
            ConfigError: The address cannot be listened at.
        """
        from prometheus_client import start_http_server

        try:
            server, _ = start_http_server(port, addr=host, registry=self.registry)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"metrics cannot be served at {host}:{port}: {why}",
                hint="Name an address of this machine and a free port.",
            ) from None

        # A client that sends nothing, or in drops, must not hold a connection for ever.
        handler: Any = server.RequestHandlerClass
        server.RequestHandlerClass = type("Handler", (OneRequestHandler, handler), {})

        def end() -> None:
            server.shutdown()
            server.server_close()

        return end

    def wsgi_app(self) -> Any:
        """Return a WSGI app that serves the metrics."""
        from prometheus_client import make_wsgi_app

        return make_wsgi_app(self.registry)

    def asgi_app(self) -> Any:
        """Return an ASGI app that serves the metrics."""
        from prometheus_client import make_asgi_app

        return make_asgi_app(self.registry)


class _ListenerCollector:
    """Collects metrics of the event listeners at each scrape."""

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        lost = CounterMetricFamily(
            "evergrant_events_lost", "Events that a listener was not told.", labels=["listener"]
        )
        late = GaugeMetricFamily(
            "evergrant_listeners_late", "Listeners that are late.", labels=["listener"]
        )
        for one in standings():
            lost.add_metric([one.name], one.lost)
            late.add_metric([one.name], one.late)
        yield lost
        yield late
