"""`evergrant move`: what is said, what is kept, and with which code it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant.stores import open_store
from tests.support.cli.runner import Command, on_a_terminal
from tests.support.stores.sqlite_store import GARBAGE, SeedStore, execute, mode, seed_token
from tests.support.stores.transfer import NOON, contents, many, planted, user_token


@pytest.fixture
def source(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/source.db"
    with open_store(url) as store:
        for token in many(12):
            store.save_token(token)
    return url


@pytest.fixture
def target(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/target.db"


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(file): (file.read_bytes(), mode(file)) for file in folder.iterdir()}


def found(url: str) -> set[tuple[object, ...]]:
    with open_store(url, read_only=True) as store:
        return contents(store)


def test_everything_arrives_and_the_source_stays_as_it_is(
    run: Command, tmp_path: Path, source: str, target: str
) -> None:
    before = (tmp_path / "source.db").read_bytes()
    result = run("move", source, target)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "12 new\n", "")
    assert found(target) == found(source)
    assert (tmp_path / "source.db").read_bytes() == before
    assert mode(tmp_path / "target.db") == 0o600
    again = run("move", source, target)
    assert (again.exit_code, again.stdout) == (0, "12 same\n")


def test_a_dry_run_changes_neither_file(
    run: Command, tmp_path: Path, source: str, target: str
) -> None:
    before = files(tmp_path)
    result = run("move", source, target, "--dry-run", "--delete-source")
    assert (result.exit_code, result.stdout) == (0, "12 new\n")
    assert "nothing was changed" in result.stderr
    assert files(tmp_path) == before
    run("move", source, target)
    before = files(tmp_path)
    result = run("move", source, target, "--dry-run", "--delete-source")
    assert result.stdout == "12 same\n"
    assert files(tmp_path) == before


def test_the_seeds_file_is_neither_extended_nor_tightened(
    run: Command, tmp_path: Path, target: str
) -> None:
    path = tmp_path / "zohooauth.db"
    seed = SeedStore(str(path))
    for who in ("alice", "bob"):
        seed.save_token(seed_token(who))
    path.chmod(0o644)
    before = (path.read_bytes(), mode(path))
    assert run("move", f"sqlite:///{path}", target).stdout == "2 new\n"
    assert (path.read_bytes(), mode(path)) == before


def test_the_source_is_emptied_only_when_told(run: Command, source: str, target: str) -> None:
    before = found(source)
    result = run("move", source, target, "--delete-source")
    assert (result.exit_code, result.stdout) == (0, f"12 new; 12 deleted from {source}\n")
    assert found(source) == set()
    assert found(target) == before
    empty = run("move", source, target)
    assert (empty.exit_code, empty.stdout) == (0, "no tokens\n")


def test_what_needs_a_look_is_listed_and_ends_with_1(
    run: Command, tmp_path: Path, source: str, target: str
) -> None:
    with open_store(target) as store:
        later = {"access_token": "canary-later", "expires_at": NOON + timedelta(hours=1)}
        store.save_token(user_token("u1", **later))
        store.save_token(user_token("u2", refresh_token="canary-other", expires_at=None))
        store.save_token(user_token("somebody", id="tenant4"))
    execute(tmp_path / "source.db", "update oauthtoken set expiry_time = 'x' where id = 'tenant8'")
    result = run("move", source, target, "--json", "--delete-source")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    counts = {outcome: count for outcome, count in told["counts"].items() if count}
    assert counts == {"new": 9, "fresher there": 1, "conflict": 1, "corrupt": 1}
    assert told["deleted"] == 10
    assert (told["source"], told["target"], told["dry_run"]) == (source, target, False)
    rows = {row["user"].partition("@")[0]: row for row in told["tokens"]}
    assert rows.keys() == {"u2", "u4", "u8"}
    assert "refresh_token" in rows["u2"]["problem"]
    assert rows["u4"]["id"] == "tenant4" != rows["u4"]["target_id"]
    assert rows["u4"]["verified"]
    assert "expiry_time" in rows["u8"]["problem"]
    assert "2 of 12" in result.stderr
    again = run("move", source, target)
    assert again.exit_code == 1
    assert "conflict" in again.stdout
    assert again.stdout.endswith("1 conflict, 1 corrupt\n")


@pytest.mark.parametrize("spelling", ["{0}", "{0}?timeout=1", "sqlite:///source.db", "env:AGAIN"])
def test_the_same_store_twice_is_refused_however_it_is_spelled(
    run: Command, tmp_path: Path, source: str, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGAIN", source.replace("source", "%73ource"))
    before = files(tmp_path)
    for options in ([], ["--dry-run"], ["--delete-source"]):
        result = run("move", source, spelling.format(source), *options)
        assert result.exit_code == 2
        assert "are the same store" in result.stderr
    assert files(tmp_path) == before


def test_two_tables_of_one_file_are_two_stores(run: Command, source: str) -> None:
    assert run("move", source, f"{source}?table=spare").stdout == "12 new\n"


def test_a_store_may_be_named_in_a_variable(
    run: Command, source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLD_STORE", source)
    monkeypatch.setenv("NEW_STORE", target)
    assert run("move", "env:OLD_STORE", "env:NEW_STORE").stdout == "12 new\n"
    for name in ("env:", "env:NO_SUCH_STORE"):
        result = run("move", name, target)
        assert result.exit_code == 2
        assert "no environment variable" in result.stderr


def test_a_missing_source_is_an_error_and_not_an_empty_store(
    run: Command, tmp_path: Path, target: str
) -> None:
    for options in ([], ["--dry-run"], ["--delete-source"]):
        result = run("move", f"sqlite:///{tmp_path}/typo.db", target, *options)
        assert result.exit_code == 6
        assert "there is no file" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_target_of_something_else_is_refused_and_left(
    run: Command, tmp_path: Path, source: str, target: str
) -> None:
    (tmp_path / "target.db").write_bytes(GARBAGE)
    before = files(tmp_path)
    result = run("move", source, target, "--delete-source")
    assert result.exit_code == 6
    assert "not a SQLite database" in result.stderr
    assert files(tmp_path) == before


def test_a_target_that_fails_in_the_middle_says_how_to_go_on(
    run: Command, tmp_path: Path, source: str, target: str
) -> None:
    with open_store(target):
        pass
    execute(
        tmp_path / "target.db",
        "create trigger full before insert on oauthtoken "
        "when (select count(*) from oauthtoken) >= 5 begin select raise(abort, 'full'); end",
    )
    result = run("move", source, target, "--delete-source")
    assert result.exit_code == 6
    assert "stopped after: 5 new; run it again" in result.stderr
    assert len(found(source)) == 7
    execute(tmp_path / "target.db", "drop trigger full")
    assert run("move", source, target, "--delete-source").stdout.startswith("7 new; 7 deleted")
    assert len(found(target)) == 12


def test_a_bar_is_for_terminals_and_the_summary_for_everybody(source: str, target: str) -> None:
    shown, status = on_a_terminal("move", source, target)
    assert status == 0
    assert "moving" in shown
    assert "100%" in shown
    assert "12 new" in shown


def test_no_secret_and_no_password_is_shown(run: Command, source: str, target: str) -> None:
    with open_store(source) as store:
        secrets = planted(store.iter_tokens())
    other = replace(user_token("u3"), refresh_token="canary-other", access_token="canary-else")
    with open_store(target) as store:
        store.save_token(replace(other, expires_at=NOON + timedelta(milliseconds=3)))
    secrets |= planted([other]) | {"canary-password"}
    url = "mysqlx://user:canary-password@db.example.com/tokens"
    for arguments in ([source, target], [url, target], [source, url], [source, source]):
        for options in (["--dry-run"], ["--json"]):
            result = run("move", *arguments, *options)
            assert not [secret for secret in secrets if secret in result.output]
        told = run.process("-v", "move", *arguments)
        assert not [secret for secret in secrets if secret.encode() in told.stdout + told.stderr]
    assert len(secrets) > 36


@pytest.mark.parametrize("forgetful", ["memory:", "LIST:", "sqlite:///:memory:"])
def test_nothing_is_moved_to_where_it_ends_with_the_command(
    run: Command, source: str, forgetful: str
) -> None:
    before = found(source)
    result = run("move", source, forgetful, "--delete-source")
    assert result.exit_code == 2
    assert "is lost when the command ends" in result.stderr
    assert found(source) == before
    assert run("import", source, "--store", forgetful).exit_code == 2
