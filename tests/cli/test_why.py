"""``evergrant why`` names the cause: each incident is provoked for real, and then asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, open_store
from evergrant.observing.audit_log import AuditLog
from evergrant.sandbox import Sandbox
from tests.support.cli import incidents, troubles
from tests.support.cli.incident_app import Scene
from tests.support.cli.runner import ALICE, Command


@pytest.fixture
def scene(
    zoho: Sandbox, home: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("EVERGRANT_AUDIT", str(home / "audit.log"))
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0, 0))
    client = zoho.client
    with (
        open_store(f"sqlite:///{home}/tokens.db?timeout=0", clock=zoho.clock) as store,
        Accounts(
            client.client_id,
            client.client_secret,
            data_centers=zoho.data_centers,
            clock=zoho.clock,
            sleep=lambda _: None,
        ) as accounts,
        Keeper(
            store, accounts, lifeboat=home, on_event=AuditLog(home / "audit.log", "the app")
        ) as keeper,
    ):
        yield Scene(zoho, home, run, keeper, monkeypatch.setenv)


@pytest.mark.parametrize(
    "incident",
    [*incidents.INCIDENTS, *troubles.INCIDENTS],
    ids=lambda incident: incident.__name__,
)
def test_the_cause_of_an_incident_is_named(scene: Scene, incident: Callable[[Scene], str]) -> None:
    cause = incident(scene)
    told = scene.why()
    assert told["cause"] == cause, told


def test_what_was_rotated_away_is_read_too(scene: Scene) -> None:
    scene.log_in()
    scene.keeper.revoke(ALICE)
    (scene.home / "audit.log").rename(scene.home / "audit.log.1")
    assert scene.why()["cause"] == "revoked"
    scene.log_in("bob@example.com")
    assert scene.why()["cause"] == "revoked"


def test_who_did_it_is_named_too(scene: Scene) -> None:
    scene.log_in()
    scene.keeper.revoke(ALICE)
    told = scene.why()
    assert told["by"].startswith("the app ")
    assert told["at"].startswith(f"{scene.zoho.clock():%Y-%m-%dT%H}")
    line = scene.run("why", ALICE, f"--sandbox={scene.zoho.url}").stdout
    assert line.count("\n") == 1
    assert line.startswith(f"{ALICE}: the token was revoked, at ")


def test_to_ask_changes_nothing_and_sends_nothing(scene: Scene) -> None:
    scene.log_in()
    scene.zoho.clock.advance(hours=2)
    before, sent = scene.store.get_tokens(), scene.zoho.calls.count(path="/oauth/v2/token")
    scene.why()
    assert scene.store.get_tokens() == before
    assert scene.zoho.calls.count(path="/oauth/v2/token") == sent
