"""Traces and metrics for OpenTelemetry; needs ``evergrant[otel]``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evergrant._delivery import Standing, standings
from evergrant.errors import MissingExtra, Throttled
from evergrant.events import (
    Event,
    LoggedIn,
    Refreshed,
    RefreshFailed,
    Revoked,
    SaveFailed,
    StoreFailed,
)

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["Telemetry"]

_COUNTED: dict[type[Event], tuple[str, str]] = {
    LoggedIn: ("evergrant.logins", "Logins that were stored"),
    Revoked: ("evergrant.revocations", "Grants that were revoked at Zoho"),
    SaveFailed: ("evergrant.save.failures", "Granted tokens that the store could not take"),
    StoreFailed: ("evergrant.store.failures", "Times the store was seen not to answer"),
}


class Telemetry:
    """A listener that records a span for each event and counts events, without user names.

    The span of a refresh lasts as long as the refresh. It is a child of the span that is current
    where the event happens.

    Args:
        tracer_provider: Default: the global one.
        meter_provider: Default: the global one.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError:
            raise MissingExtra("OpenTelemetry", extra="otel") from None
        self._failed = trace.Status(trace.StatusCode.ERROR)
        self._tracer = trace.get_tracer("evergrant", tracer_provider=tracer_provider)
        meter = metrics.get_meter("evergrant", meter_provider=meter_provider)
        self._counters = {
            kind: meter.create_counter(name, "{event}", description)
            for kind, (name, description) in _COUNTED.items()
        }
        self._refreshes = meter.create_counter(
            "evergrant.refreshes", "{refresh}", "Refreshes, by outcome"
        )
        self._throttles = meter.create_counter(
            "evergrant.throttles", "{event}", "Refreshes that Zoho's limits did not allow"
        )
        meter.create_observable_counter(
            "evergrant.events.lost",
            [
                lambda _: [
                    metrics.Observation(one.lost, _listener_attributes(one)) for one in standings()
                ]
            ],
            "{event}",
            "Events that a listener was not told",
        )
        meter.create_observable_gauge(
            "evergrant.listeners.late",
            [
                lambda _: [
                    metrics.Observation(one.late, _listener_attributes(one)) for one in standings()
                ]
            ],
            "{listener}",
            "Listeners that are late",
        )
        self._seconds = meter.create_histogram(
            "evergrant.refresh.duration", "s", "How long a refresh took"
        )

    def __call__(self, event: Event) -> None:
        """Record a span for an event, and count the event."""
        error = getattr(event, "error", None)
        about = {"error.type": type(error).__name__} if error else {}
        self._add_span(event, about)
        self._count(event, about)

    def _add_span(self, event: Event, about: dict[str, str]) -> None:
        took = timedelta(seconds=getattr(event, "took", None) or 0)
        attributes: dict[str, Any] = {
            f"evergrant.{k}": v for k, v in _safe_attributes(event).items()
        } | about
        span = self._tracer.start_span(
            f"evergrant {type(event).__name__}",
            start_time=_nanoseconds(event.at.timestamp() - took.total_seconds()),
            attributes=attributes,
        )
        if about:
            span.set_status(self._failed)
        span.end(_nanoseconds(event.at.timestamp()))

    def _count(self, event: Event, about: dict[str, str]) -> None:
        if isinstance(event, Refreshed | RefreshFailed):
            outcome = {"evergrant.outcome": "failed" if about else "refreshed"} | about
            self._refreshes.add(1, outcome)
            if event.took is not None:
                self._seconds.record(event.took, outcome)
            if isinstance(getattr(event, "error", None), Throttled):
                self._throttles.add(1)
        elif counter := self._counters.get(type(event)):
            counter.add(1, about)


def _safe_attributes(event: Event) -> dict[str, Any]:
    told = event.as_dict()
    return {name: told[name] for name in ("token_id", "data_center", "expires_at") if name in told}


def _listener_attributes(listener: Standing) -> dict[str, str]:
    return {"evergrant.listener": listener.name}


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
