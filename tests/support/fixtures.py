"""Fixtures that tests of several folders share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant.events import Event
from evergrant.sandbox import Sandbox

__all__ = ["boat", "events", "refreshes"]


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def boat(tmp_path: Path) -> Path:
    return tmp_path / "lifeboat"


@pytest.fixture
def refreshes(zoho: Sandbox) -> Callable[[], int]:
    """Count the requests for a new access token that Zoho has seen."""
    return lambda: zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token")
