"""A saver, its store that fails as told, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evergrant._core.saver import Saver
from evergrant._lifeboat.outbox import Lifeboat
from evergrant.errors import StoreError, StoreUnavailable
from evergrant.events import Event
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALICE = Token(
    user_name="alice@example.com:42",
    client_id="1000.ID",
    client_secret="s",
    refresh_token="1000.r",
    access_token="1000.a",
    expires_at=NOW,
    org_id="42",
)
LOCKED = StoreUnavailable("the database is locked")


class Frail(MemoryStore):
    """A store that fails to save as often as it is told, and lets others in before it saves."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW)
        self.troubles: list[StoreError] = []
        self.meanwhile: list[Callable[[], object]] = []
        self.tries = 0

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        self.tries += 1
        if self.troubles:
            raise self.troubles.pop(0)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return super().save_token(token, expected_version=expected_version)


@dataclass
class Scene:
    store: Frail
    folder: Path
    events: list[Event] = field(default_factory=list)
    naps: list[float] = field(default_factory=list)

    def saver(self) -> Saver:
        boat = Lifeboat(self.folder, self.store.url)
        return Saver(self.store, boat, self.events.append, lambda: NOW, self.naps.append)

    def refreshed(self, stored: Token, value: str = "1000.a2", life: timedelta = HOUR) -> Token:
        return replace(stored, access_token=value, expires_at=NOW + life)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(Frail(), tmp_path)
