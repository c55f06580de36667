"""Events as data, logs, traces and metrics: whole, and without secrets."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from evergrant import Accounts, Keeper, open_store
from evergrant.errors import MissingExtra, StoreUnavailable, Throttled
from evergrant.events import (
    Event,
    LoggedIn,
    Refreshed,
    RefreshFailed,
    Revoked,
    SaveFailed,
    StoreFailed,
    StoreRecovered,
    fan_out,
)
from evergrant.observing.audit_log import AuditLog
from evergrant.observing.opentelemetry import Telemetry
from evergrant.observing.prometheus import Metrics
from evergrant.observing.structlog import StructuredLog
from evergrant.sandbox import Sandbox

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALICE = "alice@example.com"
WHOSE: dict[str, Any] = {"token_id": "7", "user": f"{ALICE}:42"}
LATE = Throttled("too many", retry_at=NOW)
GONE = StoreUnavailable("the store is gone")
STORY: tuple[Event, ...] = (
    LoggedIn(at=NOW, data_center="eu", scopes=("A.b.READ",), **WHOSE),
    Refreshed(at=NOW, expires_at=NOW, took=2.5, **WHOSE),
    RefreshFailed(at=NOW, error=LATE, took=0.5, **WHOSE),
    SaveFailed(at=NOW, error=GONE, lifeboat=Path("/x"), **WHOSE),
    StoreFailed(at=NOW, error=GONE, **WHOSE),
    Revoked(at=NOW, **WHOSE),
)


def test_an_event_is_data() -> None:
    assert RefreshFailed(at=NOW, error=LATE, took=0.5, **WHOSE).as_dict() == {
        "event": "RefreshFailed",
        "at": NOW.isoformat(),
        **WHOSE,
        "error": "Throttled",
        "message": "too many",
        "hint": LATE.hint,
        "retryable": True,
        "retry_at": NOW.isoformat(),
        "took": 0.5,
    }
    for event in STORY:
        assert json.loads(json.dumps(event.as_dict()))["event"] == type(event).__name__


def test_spans_last_as_long_as_what_happened_and_belong_to_the_caller() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tell = Telemetry(provider, MeterProvider())
    with provider.get_tracer("app").start_as_current_span("request") as request:
        for event in STORY:
            tell(event)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    refreshed, failed = spans["evergrant Refreshed"], spans["evergrant RefreshFailed"]
    assert refreshed.start_time
    assert refreshed.end_time
    assert refreshed.parent
    assert abs(refreshed.end_time - refreshed.start_time - 2_500_000_000) < 1_000_000
    assert refreshed.parent.span_id == request.get_span_context().span_id
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes
    assert failed.attributes["error.type"] == "Throttled"
    assert "alice" not in "".join(span.to_json() for span in spans.values())


def test_opentelemetry_counts() -> None:
    reader = InMemoryMetricReader()
    tell = Telemetry(TracerProvider(), MeterProvider([reader]))
    for event in STORY:
        tell(event)
    data = reader.get_metrics_data()
    assert data
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    points: dict[str, list[Any]] = {m.name: list(m.data.data_points) for m in metrics}
    ones = ("logins", "revocations", "save.failures", "store.failures", "throttles")
    assert {name: points[f"evergrant.{name}"][0].value for name in ones} == dict.fromkeys(ones, 1)
    outcomes = {p.attributes["evergrant.outcome"]: p.value for p in points["evergrant.refreshes"]}
    assert outcomes == {"refreshed": 1, "failed": 1}
    assert sum(point.sum for point in points["evergrant.refresh.duration"]) == 3.0
    assert "alice" not in data.to_json()


def test_prometheus_counts() -> None:
    metrics = Metrics()
    value = metrics.registry.get_sample_value
    for event in STORY:
        metrics(event)
    for name in ("logins", "revocations", "save_failures", "store_failures", "throttles"):
        assert value(f"evergrant_{name}_total") == 1, name
    refreshed = {"outcome": "refreshed", "error": ""}
    assert value("evergrant_refreshes_total", refreshed) == 1
    assert value("evergrant_refresh_duration_seconds_sum") == 3.0
    assert value("evergrant_store_up") == 0
    metrics(StoreRecovered(at=NOW))
    assert value("evergrant_store_up") == 1
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics"}
    page = b"".join(metrics.wsgi_app()(environ, lambda *_: None))
    assert b"evergrant_throttles_total 1.0" in page
    assert b"alice" not in page
    assert callable(metrics.asgi_app())


@pytest.mark.parametrize(
    ("listener", "module"), [(Telemetry, "opentelemetry"), (Metrics, "prometheus_client")]
)
def test_a_missing_extra_is_named(
    listener: type, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match="pip install"):
        listener()


def test_structlog_and_the_standard_library_get_the_fields(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with structlog.testing.capture_logs() as captured:
        StructuredLog(structlog.get_logger())(STORY[2])
    assert captured[0]["event"] == "RefreshFailed"
    assert captured[0]["log_level"] == "warning"
    assert captured[0]["error"] == "Throttled"
    with caplog.at_level(logging.INFO, "app"):
        StructuredLog(logging.getLogger("app"))(STORY[1])
    assert caplog.records[0].__dict__["evergrant_took"] == 2.5
    assert caplog.records[0].__dict__["evergrant_user"] == WHOSE["user"]


def test_a_listener_that_raises_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Event] = []

    def broken(event: Event) -> None:
        raise ZeroDivisionError("the dashboard is down")

    fan_out(broken, told.append)(STORY[0])
    assert told == [STORY[0]]
    assert "the dashboard is down" in caplog.text


def test_a_real_keeper_is_observed_without_its_secrets(zoho: Sandbox, tmp_path: Path) -> None:
    told: list[Event] = []
    path = tmp_path / "audit.log"
    client = zoho.client
    with (
        open_store("memory:") as store,
        Accounts(
            client.client_id,
            client.client_secret,
            data_centers=zoho.data_centers,
            clock=zoho.clock,
        ) as accounts,
    ):
        keeper = Keeper(store, accounts, on_event=fan_out(told.append, AuditLog(path)))
        token = keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
        zoho.clock.advance(hours=2)
        keeper.access_token(ALICE)
        refreshed = keeper.find(ALICE)
        emitted = len(told)
        keeper.access_token(ALICE)
        assert len(told) == emitted  # a cached token tells nobody
        zoho.faults.server_error(times=None)
        with pytest.raises(Exception, match="server"):
            keeper.refresh(ALICE)
        zoho.faults.clear()
        keeper.revoke(ALICE)
    kinds = [type(event) for event in told]
    assert kinds == [LoggedIn, Refreshed, RefreshFailed, Revoked]
    assert isinstance(told[1], Refreshed)
    assert told[1].took is not None
    assert isinstance(told[2], RefreshFailed)
    assert told[2].took is not None
    text = path.read_text()
    for one in (token, refreshed):
        for secret in (one.access_token, one.refresh_token, one.client_secret, one.grant_token):
            assert not secret or str.__str__(secret) not in text
