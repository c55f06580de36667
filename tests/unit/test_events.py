"""What a Keeper tells: to the log always, to a listener if there is one."""

from __future__ import annotations

import logging
import pickle
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evergrant import events
from evergrant.errors import LoginRequired
from evergrant.events import Event, Refreshed, RefreshFailed, safe_listener

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WHOSE: dict[str, Any] = {"token_id": "7", "user": "alice@example.com:42"}
ERROR = LoginRequired("revoked", token_id="7")
ALL: tuple[tuple[Event, int], ...] = (
    (events.LoggedIn(at=NOW, data_center="eu", scopes=("A.b.READ",), **WHOSE), logging.INFO),
    (events.Refreshed(at=NOW, expires_at=NOW, **WHOSE), logging.INFO),
    (events.Restored(at=NOW, **WHOSE), logging.INFO),
    (events.Revoked(at=NOW, **WHOSE), logging.INFO),
    (events.EventsLost(at=NOW, count=7, **WHOSE), logging.INFO),
    (events.Forgotten(at=NOW, **WHOSE), logging.INFO),
    (events.RefreshFailed(at=NOW, error=ERROR, **WHOSE), logging.WARNING),
    (events.LoginFailed(at=NOW, error=ERROR, **WHOSE), logging.WARNING),
    (events.GrantLimitNear(at=NOW, count=18, most=20, **WHOSE), logging.WARNING),
    (events.ClockSkew(at=NOW, seconds=-86_400.0, **WHOSE), logging.WARNING),
    (events.StoreRecovered(at=NOW, **WHOSE), logging.INFO),
    (events.StoreFailed(at=NOW, error=ERROR, **WHOSE), logging.WARNING),
    (events.SaveFailed(at=NOW, error=ERROR, lifeboat=Path("/x"), **WHOSE), logging.WARNING),
)


def test_every_kind_of_event_is_tried_here() -> None:
    kinds = {type(event).__name__ for event, _ in ALL}
    assert kinds == set(events.__all__) - {
        "Event",
        "Listener",
        "SafeListener",
        "fan_out",
        "safe_listener",
    }


@pytest.mark.parametrize(("event", "level"), ALL)
def test_each_event_is_logged_at_its_level_and_told(
    event: Event, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Event] = []
    with caplog.at_level(logging.DEBUG, "evergrant"):
        safe_listener(told.append)(event)
    assert told == [event]
    assert [(record.name, record.levelno) for record in caplog.records] == [("evergrant", level)]
    assert "alice@example.com:42" in caplog.text


@pytest.mark.parametrize(("event", "level"), ALL)
def test_an_event_cannot_be_changed_and_travels_between_processes(event: Event, level: int) -> None:
    with pytest.raises(FrozenInstanceError):
        event.user = "bob"  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(event))  # noqa: S301 - made a moment ago
    assert repr(again) == repr(event)


def test_nobody_needs_to_listen(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "evergrant"):
        safe_listener(None)(Refreshed(at=NOW, expires_at=None))
    assert len(caplog.records) == 1


def test_a_listener_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise ZeroDivisionError("the dashboard is down")

    safe_listener(broken)(RefreshFailed(at=NOW, error=ERROR))
    assert "the event listener failed" in caplog.text
    assert "the dashboard is down" in caplog.text
