"""What holds for every command: options, exit codes, one sentence per failure, quiet ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evergrant import errors
from evergrant.cli.exit_codes import ExitCode, exit_code
from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, Command, LogIn, a_token

COMMANDS = (
    *("demo", "sandbox", "login", "list", "show", "token", "api"),
    *("refresh", "revoke", "delete", "purge", "doctor"),
)


def test_the_help_names_every_command(run: Command) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\S", result.stdout, re.MULTILINE)
        assert run(command, "--help").exit_code == 0
    assert "--store" in run.process("-h").stdout.decode()


def test_the_help_loads_nothing_that_is_slow() -> None:
    heavy = "httpx2 rich sqlite3 ssl http.server evergrant.keeper evergrant.sandbox evergrant.demo"
    program = (
        "import sys, evergrant.cli.app as it\n"
        "try: it.app(['--help'])\n"
        f"except SystemExit: sys.exit(str([m for m in {heavy.split()} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.stderr == b"[]\n"


def test_the_version_is_told(run: Command) -> None:
    assert re.fullmatch(r"evergrant \d+\.\d+\.\d+\n", run("--version").stdout)


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["list", "--nonsense"], ["move"], ["list", "--store"]]
)
def test_a_wrong_call_is_a_usage_error(run: Command, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage:" in result.stderr


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_a_missing_extra_is_named(home: Path, tmp_path: Path, missing: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        f"u.find_spec = lambda name, *a: None if name == {missing!r} else find(name, *a)\n"
    )
    result = Command().process("list", environment={"PYTHONPATH": str(tmp_path)})
    assert result.returncode == 2
    assert result.stdout == b""
    assert b"pip install 'evergrant[cli]'" in result.stderr
    assert result.stderr.count(b"\n") == 1


def test_global_options_may_stand_anywhere(run: Command, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    config = tmp_path / "config.toml"
    config.write_text(f'store = "{url}"')
    for arguments in (
        ["--store", url, "list"],
        ["list", "--store", url],
        ["list", f"--store={url}", "--json"],
        ["--config", str(config), "list"],
        ["list", "--config", str(config)],
    ):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        assert "other.db" in result.stderr or result.stdout == "[]\n"


def test_what_follows_two_dashes_is_left_alone(run: Command) -> None:
    result = run("show", "--", "--store=memory:")
    assert result.exit_code == 3
    assert "user --store=memory:" in result.stderr


def test_the_environment_names_the_store(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRANT_STORE", f"sqlite:///{tmp_path}/environment.db")
    assert "environment.db" in run("list").stderr


def test_a_configuration_that_is_wrong_stops_every_command(run: Command, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("stoer = 'memory:'")
    for arguments in (["list"], ["token", ALICE], ["login"], ["doctor"], ["api", "/x"], ["purge"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "config.toml: unknown key 'stoer'" in result.stderr


def test_an_exposed_secret_is_warned_about_beside_the_answer(run: Command, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("client_secret = 'canary'")
    (home / "config.toml").chmod(0o644)
    result = run("list", "--json")
    assert (result.exit_code, result.stdout) == (0, "[]\n")
    assert "chmod 600" in result.stderr
    assert "canary" not in result.stderr


@pytest.mark.parametrize(
    ("store", "code"),
    [
        ("nonsense", 2),
        ("mongodb://u:canary@h/d", 2),
        ("mysql://u:canary@127.0.0.1:1/d", 6),
        ("sqlite:////proc/nothing/here.db", 6),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_sentence(run: Command, store: str, code: int) -> None:
    for arguments in (["list"], ["token", ALICE], ["purge", "--yes"]):
        result = run("--store", store, *arguments)
        assert result.exit_code == code
        assert result.stderr.count("\n") == 1
        assert "canary" not in result.output


def test_every_error_has_an_exit_code_of_its_kind() -> None:
    fields: dict[type, dict[str, Any]] = {
        errors.AmbiguousUser: {"candidates": []},
        errors.Throttled: {"retry_at": utc_now()},
        errors.MissingExtra: {"extra": "cli"},
        errors.PolicyRefused: {"rule": "max_age"},
    }
    kinds = [getattr(errors, name) for name in errors.__all__]
    codes = {kind.__name__: exit_code(kind("x", **fields.get(kind, {}))) for kind in kinds}
    assert codes.pop("EvergrantError") is ExitCode.BAD_RESULT
    assert {name for name, code in codes.items() if code <= ExitCode.BAD_RESULT} == set()
    assert codes["LoginRequired"] is codes["NoRefreshToken"] is ExitCode.LOGIN_REQUIRED
    assert codes["Throttled"] is codes["AccountsUnavailable"] is ExitCode.TRY_AGAIN
    assert codes["TokenNotSaved"] is ExitCode.NOT_SAVED
    assert codes["UntrustedServer"] is codes["InvalidClient"] is ExitCode.REFUSED
    assert codes["StoreUnavailable"] is codes["CorruptRecord"] is ExitCode.STORE


def test_every_exit_code_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    documented = {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert documented == {int(code) for code in ExitCode}


def test_every_command_and_variable_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"### `evergrant {command}" in text
    source = Path(errors.__file__).with_name("config.py").read_text(encoding="utf-8")
    for variable in set(re.findall(r"EVERGRANT_[A-Z_]+", source)) | {"EVERGRANT_HOME"}:
        assert f"`{variable}`" in text


def test_a_reader_that_stops_reading_is_no_error_message(
    store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where it is set, Python itself drops what a pipe did not take, and says nothing.
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    for number in range(300):
        name = f"user{number}-{'x' * 200}@example.com:1"
        store.save_token(a_token(user_name=name, access_token=str(number)))
    with subprocess.Popen(
        [sys.executable, "-m", "evergrant", "list", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr is not None
        errors_said = process.stderr.read()
    assert (process.returncode, errors_said) == (141, b"")


def test_a_small_answer_nobody_reads_is_no_error_message(
    logged_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(ALICE)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "evergrant", "api", "/crm/v8/org"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_ctrl_c_is_quiet(home: Path, zoho: Sandbox) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "evergrant", "login", f"--sandbox={zoho.url}", "--no-browser"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while "paste" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert (process.returncode, said) == (130, "")


def test_an_error_of_no_kind_is_not_hidden(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("evergrant.stores.open_store", fail)
    monkeypatch.setattr("evergrant.open_store", fail)
    with pytest.raises(ZeroDivisionError):
        run("list")


def test_verbose_tells_what_happens_and_no_secret(
    run: Command, zoho: Sandbox, logged_in: LogIn, store: TokenStore
) -> None:
    logged_in(ALICE)
    quiet = run.process("refresh", ALICE)
    verbose = run.process("-v", "refresh", ALICE)
    assert b"Refreshed" not in quiet.stderr
    assert b"Refreshed" in verbose.stderr
    (token,) = store.get_tokens()
    for secret in (token.access_token, token.refresh_token, token.client_secret):
        assert secret is not None
        assert str.__str__(secret).encode() not in verbose.stderr


def test_a_token_that_could_not_be_saved_is_told_apart(
    run: Command, zoho: Sandbox, logged_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(ALICE)
    full = errors.StoreUnavailable("the disk is full", retryable=False)

    def fail(*_arguments: object, **_options: object) -> None:
        raise full

    monkeypatch.setattr(TokenStore, "save_token", fail)
    result = run("refresh", ALICE)
    assert result.exit_code == 8
    assert "the disk is full" in result.stderr
    assert "lifeboat" in result.stderr
