"""``evergrant audit``: what commands leave behind, and what becomes of a log that was altered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support.cli.runner import ALICE, BOB, Command, LogIn


@pytest.fixture
def log(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("EVERGRANT_AUDIT", str(home / "audit.log"))
    return home / "audit.log"


def entries(log: Path) -> list[tuple[str, str | None]]:
    found = [json.loads(line) for line in log.read_text().splitlines()]
    return [(entry["event"], entry.get("user")) for entry in found]


def test_each_command_that_changes_something_leaves_an_entry(
    run: Command, zoho: Sandbox, logged_in: LogIn, sandbox: str, log: Path, home: Path
) -> None:
    logged_in(ALICE, BOB)
    assert run("refresh", ALICE, sandbox).exit_code == 0
    assert run("list", sandbox).exit_code == 0
    assert run("revoke", ALICE, "--yes", sandbox).exit_code == 0
    copy = f"sqlite:///{home}/copy.db"
    assert run("move", f"sqlite:///{home}/tokens.db", copy).exit_code == 0
    assert run("delete", "--id", "2", "--yes").exit_code == 0
    assert run("import", copy).exit_code == 0
    found = entries(log)
    assert [event for event, _ in found] == [
        "LoggedIn", "LoggedIn", "Refreshed", "Revoked", "Copied", "Forgotten", "Copied",
    ]  # fmt: skip
    assert all(
        (user or "").startswith((ALICE, BOB)) for event, user in found if event != "Forgotten"
    )
    assert log.stat().st_mode & 0o777 == 0o600
    assert run("audit", "verify").exit_code == 0


def test_show_picks_out_what_is_asked_for(
    run: Command, zoho: Sandbox, logged_in: LogIn, log: Path
) -> None:
    logged_in(ALICE, BOB)
    shown = run("audit", "show", "--user", ALICE)
    assert shown.stdout.count("\n") == 1
    assert f"LoggedIn  {ALICE}" in shown.stdout
    (line,) = run("audit", "show", "--token", "2", "--json").stdout.splitlines()
    assert json.loads(line)["user"].startswith(BOB)
    assert run("audit", "show", "--since", "2100-01-01").stdout == ""


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("changed", lambda lines: [lines[0].replace("LoggedIn", "LoggedOn"), *lines[1:]]),
        ("removed", lambda lines: [lines[0], *lines[2:]]),
        ("reordered", lambda lines: [lines[0], lines[2], lines[1]]),
    ],
)
def test_an_altered_log_is_found_out_and_the_line_is_named(
    run: Command, logged_in: LogIn, log: Path, kind: str, change: object
) -> None:
    logged_in(ALICE, BOB, ALICE)
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(change(lines)))  # type: ignore[operator]
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert f"{kind}: " in result.stderr
    assert f"{log}, line " in result.stderr


def test_a_tail_that_was_cut_off_is_missed_by_who_kept_its_head(
    run: Command, logged_in: LogIn, log: Path
) -> None:
    logged_in(ALICE, BOB)
    head = run("audit", "verify").stdout.strip()
    assert head.startswith("2:")
    logged_in(ALICE)
    assert run("audit", "verify", "--head", head).exit_code == 0
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:1]))
    assert run("audit", "verify").exit_code == 0, "alone, the file cannot tell"
    result = run("audit", "verify", "--head", head)
    assert result.exit_code == 1
    assert "entry 2 with this hash no longer exists" in result.stderr


@pytest.mark.parametrize("head", ["", "2", "x:y"])
def test_a_head_that_is_none_is_refused_and_not_skipped(
    run: Command, logged_in: LogIn, log: Path, head: str
) -> None:
    logged_in(ALICE)
    assert run("audit", "verify", "--head", head).exit_code == 2


def test_the_head_of_an_empty_log_is_good_for_whatever_follows(
    run: Command, logged_in: LogIn, log: Path
) -> None:
    log.touch()
    head = run("audit", "verify").stdout.strip()
    logged_in(ALICE)
    assert run("audit", "verify", "--head", head).exit_code == 0


def test_a_rotated_file_is_verified_before_the_one_that_follows(
    run: Command, logged_in: LogIn, log: Path
) -> None:
    logged_in(ALICE)
    older = log.rename(log.with_name("audit.log.1"))
    logged_in(BOB)
    assert run("audit", "verify", str(older), str(log)).exit_code == 0
    assert run("audit", "verify", str(log), str(older)).exit_code == 1


def test_without_a_log_there_is_one_clear_error(run: Command, tmp_path: Path) -> None:
    result = run("audit", "verify")
    assert result.exit_code == 2
    assert "EVERGRANT_AUDIT" in result.stderr
    assert run("audit", "show", str(tmp_path / "none")).exit_code == 2


def test_a_log_that_cannot_be_written_stops_the_command_before_it_begins(
    run: Command, logged_in: LogIn, home: Path, monkeypatch: pytest.MonkeyPatch, sandbox: str
) -> None:
    logged_in(ALICE)
    monkeypatch.setenv("EVERGRANT_AUDIT", str(home / "missing" / "audit.log"))
    result = run("revoke", ALICE, "--yes", sandbox)
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    monkeypatch.delenv("EVERGRANT_AUDIT")
    assert run("token", ALICE, sandbox).exit_code == 0
