"""What only happens where a person sits: questions, hidden typing, colours."""

from __future__ import annotations

import subprocess
import sys

import pytest

from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, LogIn, on_a_terminal


def test_a_code_is_typed_unseen(home: object, zoho: Sandbox, store: TokenStore) -> None:
    code = zoho.grant_code(ALICE)
    answers = {"Code from the API console": code}
    shown, status = on_a_terminal(
        "login", "--self-client", f"--sandbox={zoho.url}", answers=answers
    )
    assert status == 0, shown
    assert f"logged in: {ALICE}" in shown
    assert code not in shown
    assert len(store.get_tokens()) == 1


def test_a_client_secret_is_typed_unseen(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGRANT_CLIENT_ID", "1000.X")
    answers = {"Client secret": "canary", "Code from": ""}
    shown, status = on_a_terminal("login", "--self-client", answers=answers)
    assert status == 2
    assert "no code from the API console" in shown
    assert "canary" not in shown


@pytest.mark.parametrize("command", ["revoke", "delete"])
@pytest.mark.parametrize(("answer", "removed"), [("n", False), ("", False), ("y", True)])
def test_what_cannot_be_undone_is_asked_first(
    zoho: Sandbox,
    store: TokenStore,
    logged_in: LogIn,
    command: str,
    answer: str,
    removed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    logged_in(ALICE)
    shown, status = on_a_terminal(command, ALICE, answers={"[y/N]": answer})
    assert status == 0, shown
    assert len(store.get_tokens()) == (0 if removed else 1)


def test_ctrl_c_at_a_question_is_quiet(store: TokenStore, logged_in: LogIn) -> None:
    logged_in(ALICE)
    shown, status = on_a_terminal("delete", ALICE, answers={"[y/N]": "\x04"})
    assert status == 130
    assert "Aborted" not in shown
    assert "Traceback" not in shown
    assert len(store.get_tokens()) == 1


def test_a_closed_stdin_is_nobody_to_ask(logged_in: LogIn, store: TokenStore) -> None:
    logged_in(ALICE)
    for arguments in ("delete alice@example.com", "login --self-client"):
        shell = f"{sys.executable} -m evergrant {arguments} <&-"
        done = subprocess.run(["sh", "-c", shell], capture_output=True, check=False)
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
    assert len(store.get_tokens()) == 1


def test_a_listing_has_colours(logged_in: LogIn) -> None:
    logged_in(ALICE)
    shown, _ = on_a_terminal("list")
    assert "\x1b[32mfresh" in shown
