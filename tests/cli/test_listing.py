"""A list of tokens: on a screen, in a pipe, of any number, with any name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.token import Token
from tests.support.cli.runner import ALICE, Command, a_token, on_a_terminal

SCOPES = ("ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL")
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PAGER", "cat")


def test_a_list_fits_eighty_columns(screen: None, run: Command, store: TokenStore) -> None:
    names = [f"{ALICE}:60000000001", f"{'long' * 30}@example.com:60000000001", "名前@example.com:1"]
    for name in names:
        live = {"scopes": SCOPES, "refresh_token": name, "api_domain": "https://www.zohoapis.eu"}
        store.save_token(a_token(user_name=name, access_token=name, **live))
    shown, code = on_a_terminal("list")
    assert code == 0
    lines = STYLE.sub("", shown).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split("  ")[0] == "user"
    assert "long" * 30 in "".join(line.split(" ")[0] for line in lines)


def test_a_list_in_a_pipe_has_tabs_and_no_padding(run: Command, store: TokenStore) -> None:
    for name in ("a@x.com:1", "somebody@example.com:60000000001"):
        store.save_token(a_token(user_name=name, access_token=name, scopes=SCOPES))
    lines = run.process("list").stdout.decode().splitlines()
    assert [line.split("\t")[0] for line in lines] == [
        "a@x.com:1",
        "somebody@example.com:60000000001",
    ]
    assert {line.count("\t") for line in lines} == {7}
    assert {line.split("\t")[3] for line in lines} == {" ".join(SCOPES)}
    assert not any("  " in line or line != line.strip() for line in lines)


def test_a_name_cannot_forge_a_cell(run: Command, store: TokenStore) -> None:
    store.save_token(a_token(user_name="a\tb\n\u202ec:1"))
    (line,) = run.process("list").stdout.decode().splitlines()
    assert line.count("\t") == 7


def test_a_long_list_is_paged_and_a_pager_that_ends_early_is_no_error(
    monkeypatch: pytest.MonkeyPatch, store: TokenStore
) -> None:
    for number in range(120):
        store.save_token(a_token(user_name=f"user{number}@x.com:1", access_token=str(number)))
    monkeypatch.setenv("PAGER", "head -3")
    shown, code = on_a_terminal("list")
    assert code == 0
    assert len(shown.splitlines()) == 3
    monkeypatch.setenv("PAGER", "no-such-pager")
    shown, code = on_a_terminal("list")
    assert (code, len(shown.splitlines())) == (0, 121)


def test_rows_are_printed_as_they_are_read(
    run: Command, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergrant.cli import list_output

    monkeypatch.setattr(list_output, "SAMPLE_ROWS", 2)
    for number in range(5):
        store.save_token(a_token(user_name=f"u{number}@x.com:1", access_token=str(number)))
    lines = run("list").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [f"u{n}@x.com:1" for n in range(5)]
    assert len(json.loads(run("list", "--json").stdout)) == 5


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_name_that_the_output_cannot_encode_does_not_end_a_listing(
    run: Command, store: TokenStore, options: list[str]
) -> None:
    for name in ("é名@x.com:1", "z@x.com:1"):
        store.save_token(a_token(user_name=name, access_token=repr(name)))
    done = run.process("list", *options, environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert b"z@x.com:1" in done.stdout


def test_a_store_that_is_read_only_is_listed_and_left_alone(run: Command, tmp_path: Path) -> None:
    path = tmp_path / "kept" / "tokens.db"
    with open_store(f"sqlite:///{path}") as store:
        store.save_token(Token(user_name=ALICE, refresh_token="planted"))
    path.chmod(0o400)
    path.parent.chmod(0o500)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    command = [sys.executable, "-m", "evergrant", "--store", f"sqlite:///{path}"]
    as_nobody = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
    if as_nobody:
        for part in (path.parent, path):
            os.chown(part, 65534, 65534)
    for arguments in (["list"], ["show", ALICE], ["list", "--json"]):
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            check=False,
            env={**os.environ, "HOME": str(path.parent)},
            cwd="/",
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert ALICE.encode() in done.stdout
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


@pytest.mark.parametrize("command", [["list"], ["show", "nobody"], ["list", "--json"]])
def test_looking_makes_no_store(run: Command, home: Path, command: list[str]) -> None:
    run(*command)
    assert not (home / "tokens.db").exists()
