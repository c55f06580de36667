"""The demo happens, and says so when it does not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from evergrant._concurrency.single_flight import SingleFlight
from evergrant.sandbox import Sandbox, SandboxClock
from tests.support.cli.runner import ALICE, BOB, Command


def test_the_story_is_told_and_every_step_happens(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("EVERGRANT_HOME")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = run.process("demo")
    told = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b""), told
    assert re.findall(r"^\d", told, re.MULTILINE) == list("123456")
    for text in ("401 INVALID_TOKEN", "20 threads at once: all work, after 1 refresh", "kill -9"):
        assert text in told
    assert "LoginRequired: " in told
    assert re.search(rf"^{ALICE}:\d+ .* fresh ", told, re.MULTILINE)
    assert re.search(rf"^{BOB}:\d+ .* needs login ", told, re.MULTILINE)
    assert "\x1b" not in told
    assert "canary" not in told
    assert max(map(len, told.splitlines())) < 250
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]


Sabotage = Callable[[pytest.MonkeyPatch], None]


def time_stands_still(patch: pytest.MonkeyPatch) -> None:
    def stand(clock: SandboxClock, **_span: float) -> datetime:
        return clock.now()

    patch.setattr(SandboxClock, "advance", stand)


def nobody_waits_for_another(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SingleFlight, "do", lambda _flights, _key, work: work())
    patch.setattr("evergrant.stores.sqlite.SQLiteStore._acquire", lambda *_lease: True)
    # Fewer than Zoho's limits: the budget would fail the step before anybody counts.
    patch.setattr("evergrant.demo.story.THREADS", 6)


def nobody_is_revoked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sandbox, "revoke", lambda _zoho, _email: 0)


def everybody_is_revoked(patch: pytest.MonkeyPatch) -> None:
    revoke = Sandbox.revoke

    def revoke_all(zoho: Sandbox, _email: str) -> int:
        return sum(revoke(zoho, user.email) for user in zoho.users)

    patch.setattr(Sandbox, "revoke", revoke_all)


def the_api_is_down(patch: pytest.MonkeyPatch) -> None:
    start = Sandbox.start

    def start_broken(zoho: Sandbox) -> Sandbox:
        zoho.faults.server_error(path="/crm/v8/Leads", times=None)
        return start(zoho)

    patch.setattr(Sandbox, "start", start_broken)


def the_worker_does_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("sys.executable", "/bin/true")


def the_worker_is_not_killed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("subprocess.Popen.kill", subprocess.Popen.terminate)


def the_answer_is_no_json(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("httpx2.Response.json", lambda _answer: {})


def nobody_logs_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sandbox, "consent", lambda *_login, **_how: "http://127.0.0.1/?error=x&state=y")


@pytest.mark.parametrize(
    ("sabotage", "step", "why"),
    [
        (nobody_logs_in, 1, "state"),
        (the_api_is_down, 2, "alice@example.com creates a lead"),
        (the_answer_is_no_json, 2, "KeyError"),
        (time_stands_still, 3, "Zoho rejects the old token"),
        (nobody_waits_for_another, 4, "bob's token is refreshed once for all threads"),
        (the_worker_does_nothing, 5, "the worker calls the API"),
        (the_worker_is_not_killed, 5, "the worker is killed"),
        (nobody_is_revoked, 6, "bob is asked to log in again"),
        (everybody_is_revoked, 6, "Zoho refused"),
    ],
)
def test_a_step_that_does_not_happen_is_named_and_ends_with_1(
    run: Command, monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, step: int, why: str
) -> None:
    sabotage(monkeypatch)
    result = run("demo")
    assert result.exit_code == 1
    assert f"FAILED at step {step}: " in result.stdout
    assert why in result.stdout.partition("FAILED")[2]
    assert "Every step was checked" not in result.stdout
