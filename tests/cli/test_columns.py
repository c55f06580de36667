"""Lists and tables have one layout: on any screen, in a pipe, with any name, in any encoding."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from evergrant.accounts import Accounts
from evergrant.cli.columns import column_widths, fold
from evergrant.cli.tables import read_rows, token_table
from evergrant.keeper import Keeper
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, Command, a_token, on_a_terminal

STYLE = re.compile(r"\x1b\[[0-9;]*m")
NAMES = [f"{ALICE}:60000000001", f"{'long' * 30}@example.com:60000000001", "名前ü@example.com:1"]


@pytest.fixture
def names(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "cat")
    for name in NAMES:
        store.save_token(a_token(user_name=name, access_token=name, scopes=("A.b.READ", "C.d.ALL")))


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("command", [["list"], ["show", NAMES[1]], ["doctor", "--offline"]])
def test_no_line_is_wider_than_the_screen_or_ends_in_blanks(
    names: None, monkeypatch: pytest.MonkeyPatch, width: int, command: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = STYLE.sub("", on_a_terminal(*command)[0]).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize(
    "command", [["show", NAMES[1]], ["doctor", "--offline"], ["keys", "status"]]
)
def test_in_a_pipe_nothing_is_folded_or_padded(
    names: None, run: Command, command: list[str]
) -> None:
    lines = run.process(*command).stdout.decode().splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    if command[0] == "show":
        assert any(line.split() == ["user", NAMES[1]] for line in lines)


def test_columns_stay_in_line_where_a_name_cannot_be_encoded(
    names: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    shown, code = on_a_terminal("list")
    heading, *lines = STYLE.sub("", shown).splitlines()
    assert code == 0
    assert any("\\u540d\\u524d\\xfc" in line for line in lines)
    at = heading.index("state")
    assert {line[at : at + 5] for line in lines if len(line) > at} == {"no re"}  # no refresh token


def test_purge_and_the_demo_show_tokens_as_the_list_does(
    names: None, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = STYLE.sub("", on_a_terminal("list")[0]).splitlines()
    with Accounts() as accounts, Keeper(store, accounts) as keeper:
        rows = list(read_rows(store, accounts, keeper.states))
    assert token_table(rows, 80).plain.splitlines() == listed


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        (
            "/home/me/.config/evergrant/config.toml",
            20,
            ["/home/me/.config/", "evergrant/", "config.toml"],
        ),
        ("no word of this is cut", 12, ["no word of", "this is cut"]),
        ("alice@example.com:600001", 18, ["alice@example.com:", "600001"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("     ", 3, [""]),
    ],
)
def test_a_cell_is_broken_where_people_would(text: str, width: int, lines: list[str]) -> None:
    assert fold(text, width) == lines


def test_the_widest_columns_give_way_first() -> None:
    first, second, third = column_widths([["a" * 50, "b" * 40, "c" * 5]], 80)
    assert (first + second, third) == (71, 5)
    assert abs(first - second) <= 1
    assert column_widths([["a" * 5, "b" * 90]], 40) == [5, 33]
    assert column_widths([["a" * 50, "b" * 40]], 10) == [12, 12]
