"""What people type wrong, and what they are told: near names, empty options, the right store."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evergrant.cli.app import COMMANDS, app
from evergrant.cli.help import EXAMPLES, GROUPS
from evergrant.observing.audit_log import read_entries
from evergrant.sandbox import Sandbox
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, Command, LogIn, a_token, on_a_terminal


@pytest.mark.parametrize("command", ["show", "token", "refresh", "revoke", "delete"])
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(
    run: Command, store: TokenStore, command: str
) -> None:
    store.save_token(a_token(user_name=f"{ALICE}:1"))
    result = run(command, "alcie@example.com")
    assert f"Did you mean {ALICE}:1?" in result.output
    assert "Did you mean" not in run(command, "somebody.else@zoho.eu").output


def test_every_command_is_in_one_group_and_its_summary_is_whole(run: Command) -> None:
    names = [name for names in GROUPS.values() for name in names]
    assert sorted(names) == sorted({*COMMANDS, "keys", "audit"})
    said = " ".join(run("--help").stdout.split())
    for name in names:
        summary = " ".join((run("help", name).stdout.split("\n\n")[1]).split())
        assert summary in said, name
    assert "..." not in said.replace("[ARGS]...", "")


def test_the_help_names_arguments_as_people_do(run: Command) -> None:
    for name in (*COMMANDS, "audit show", "keys rotate", "keys generate"):
        text = run("help", *name.split()).stdout
        for odd in ("<str>", "list[", "TEXT]", "{", "[[", "<%", "<="):
            assert odd not in text.replace('{"', ""), (name, odd)


def test_examples_are_of_commands_that_there_are(run: Command) -> None:
    for path, lines in EXAMPLES.items():
        assert run("help", *path.split()).exit_code == 0
        text = run("help", *path.split()).stdout
        for line in lines:
            assert line.startswith("evergrant ")
            assert f"  {line}\n" in text


def test_help_and_version_are_commands_too(run: Command) -> None:
    assert run("help").stdout == run("--help").stdout
    assert run("help", "keys", "rotate").stdout == run("keys", "rotate", "--help").stdout
    assert run("version").stdout == run("--version").stdout
    wrong = run("help", "nope")
    assert wrong.exit_code == 2
    assert "there is no command 'nope'" in wrong.stderr


def test_the_shell_completes_commands(run: Command) -> None:
    done = run.process(
        environment={
            "_EVERGRANT_COMPLETE": "complete_bash",
            "COMP_WORDS": "evergrant ref",
            "COMP_CWORD": "1",
        }
    )
    assert done.stdout.decode().split() == ["refresh"]


@pytest.mark.parametrize(
    "what", [["--help"], ["version"], ["help", "login"], ["list", "--help"], ["list"]]
)
def test_a_closed_pipe_is_141(run: Command, store: TokenStore, what: list[str]) -> None:
    store.save_token(a_token())
    command = [sys.executable, "-m", "evergrant", *what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")


@pytest.mark.parametrize("option", ["--store", "--sandbox"])
def test_an_empty_option_is_an_error(run: Command, home: Path, option: str) -> None:
    for given in ([option, ""], [f"{option}="], [f"{option}= "]):
        result = run(*given, "list")
        assert result.exit_code == 2
        assert f"{option} is empty" in result.stderr


@pytest.mark.parametrize("scheme", ["sqlite://", "file://"])
@pytest.mark.parametrize("command", [["list"], ["token", ALICE], ["purge", "--yes"]])
def test_a_typing_error_makes_no_folder(
    run: Command, tmp_path: Path, scheme: str, command: list[str]
) -> None:
    wrong = tmp_path / "tokesn" / "tokens"
    prefix = f"{scheme}/" if scheme == "sqlite://" else scheme
    result = run("--store", f"{prefix}{wrong}", *command)
    assert result.exit_code == 6
    assert f"mkdir -p {wrong.parent}" in result.stderr
    assert not wrong.parent.exists()
    wrong.parent.mkdir(parents=True)  # the advice
    assert run("--store", f"{prefix}{wrong}", "list").exit_code == 0


def test_moving_to_a_folder_that_is_not_there_makes_none(
    run: Command, store: TokenStore, home: Path, tmp_path: Path
) -> None:
    store.save_token(a_token())
    source, target = f"sqlite:///{home}/tokens.db", f"file://{tmp_path}/no/tokens.csv"
    result = run("move", source, target)
    assert result.exit_code == 6
    assert not (tmp_path / "no").exists()


def test_a_file_is_answered_with_the_store_for_its_kind(run: Command, tmp_path: Path) -> None:
    with (
        open_store(f"file://{tmp_path}/csv.db") as csv,
        open_store(f"sqlite:///{tmp_path}/db.csv") as db,
    ):
        csv.save_token(a_token())
        db.save_token(a_token())
    right = {
        "csv.db": f"file://{tmp_path}/csv.db",
        "db.csv": f"sqlite:///{tmp_path}/db.csv",
        "new.csv": f"file://{tmp_path}/new.csv",
        "new.db": f"sqlite:///{tmp_path}/new.db",
    }
    for name, url in right.items():
        result = run("--store", f"{tmp_path}/{name}", "list")
        assert f"For this file: {url}" in result.stderr
        assert len(result.stderr) < 200 + 2 * len(str(tmp_path))
        assert run("--store", url, "list").exit_code == 0
    for wrong in (f"sqlite:///{tmp_path}/csv.db", f"file://{tmp_path}/db.csv"):
        result = run("--store", wrong, "list")
        assert result.exit_code == 6
        assert right[wrong.rpartition("/")[2]] in result.stderr


def test_a_move_that_is_run_again_audits_only_what_it_moved(
    run: Command, store: TokenStore, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "audit.log"
    monkeypatch.setenv("EVERGRANT_AUDIT", str(log))
    store.save_token(a_token())
    where = f"sqlite:///{home}/tokens.db", f"file://{tmp_path}/tokens.csv"
    assert run("move", *where).exit_code == 0
    first = list(read_entries(log))
    assert [entry["event"] for entry in first] == ["Copied"]
    assert run("move", *where).exit_code == 0
    assert list(read_entries(log)) == first
    store.save_token(a_token(user_name="b@x.com:1", access_token="b"))
    assert run("move", *where).exit_code == 0
    assert [entry.get("user") for entry in read_entries(log)] == [f"{ALICE}:1", "b@x.com:1"]


def test_a_refresh_that_somebody_asked_for_is_told_as_asked(
    run: Command, zoho: Sandbox, logged_in: LogIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(ALICE)
    log = tmp_path / "audit.log"
    monkeypatch.setenv("EVERGRANT_AUDIT", str(log))
    assert run("refresh", ALICE).exit_code == 0
    assert [entry["cause"] for entry in read_entries(log)] == ["asked"]
    assert json.loads(run("why", ALICE, "--json").stdout)["cause"] == "asked"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("EVERGRANT_DATA_CENTER", "mars", "no data center 'mars'"),
        ("EVERGRANT_REDIRECT_URL", "nonsense", "nonsense does not lead back"),
        ("EVERGRANT_AUDIT", "/proc/nothing/audit.log", "audit log"),
    ],
)
def test_doctor_finds_offline_what_other_commands_would_refuse(
    run: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = run("doctor", "--offline", "--json")
    assert result.exit_code == 1
    problems = [check for check in json.loads(result.stdout) if check["status"] == "problem"]
    assert any(said in check["detail"] and check["hint"] is not None for check in problems)
    monkeypatch.delenv(variable)
    assert run("doctor", "--offline").exit_code == 0


def test_the_app_has_every_command(run: Command) -> None:
    assert {command.name for command in app.registered_commands} == set(COMMANDS)


def test_no_help_shows_what_is_written_for_programmers(run: Command) -> None:
    for name in ("", *COMMANDS, "keys generate", "keys retire", "audit verify"):
        text = run("help", *name.split()).stdout
        assert not any(word in text for word in ("Raises:", "Args:", "Returns:", "``")), name


def test_why_names_the_near_name_whole(run: Command, store: TokenStore) -> None:
    store.save_token(a_token(user_name=f"{ALICE}:60000000001"))
    said = run("why", ALICE.replace("example", "exampl")).stdout
    assert f"Did you mean {ALICE}:60000000001?" in said


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["api", "GET"], "'GET' is not [METHOD] PATH"),
        (["audit", "show", "--since", "tomorrow"], "'tomorrow' is not a date such as"),
        (["audit", "verify", "--head", "x", "log"], "--head 'x' is not SEQ:HASH"),
        (["sandbox", "--redirect-url", "nonsense"], "--redirect-url 'nonsense' is not an address"),
        (["show"], "name one token. Give either USER or --id ID."),
        (["delete", "--id", "1"], "There is no terminal to ask on. Add --yes."),
    ],
)
def test_what_was_typed_wrong_is_named(
    run: Command, store: TokenStore, typed: list[str], told: str
) -> None:
    store.save_token(a_token(id="1"))
    result = run(*typed)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_folder_is_no_store_for_those_who_only_read(run: Command, tmp_path: Path) -> None:
    result = run("--store", f"file://{tmp_path}", "list")
    assert result.exit_code == 6
    assert "is a folder, not a store. Name a file in it." in result.stderr


def test_an_empty_answer_is_said_and_not_put_out(run: Command, logged_in: LogIn) -> None:
    logged_in(ALICE)
    result = run("api", "/crm/v8/Leads?fields=Last_Name")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "HTTP 204 No Content: the answer is empty" in result.stderr


def test_a_name_without_its_address_is_completed(run: Command, store: TokenStore) -> None:
    store.save_token(a_token(user_name=f"{ALICE}:1"))
    result = run("token", ALICE.partition("@")[0])
    assert f"Did you mean {ALICE}:1?" in result.stderr


def test_a_question_that_is_answered_with_no_ends_with_a_word(store: TokenStore) -> None:
    store.save_token(a_token(id="1"))
    shown, code = on_a_terminal("delete", "--id", "1", answers={"[y/N]": "n"})
    assert code == 0
    assert "nothing was changed" in shown
    assert len(store.get_tokens()) == 1
