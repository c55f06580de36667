"""What `./dev test --fast` runs needs no server, no browser and no second SDK."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests import conftest
from tools import dev
from tools.venvs import ROOT

SERVERS = "tests.support.servers."
ONLY_SOCKETS = {f"{SERVERS}{name}" for name in ("certificates", "ports", "scripted_server")}
FORBIDDEN = (
    SERVERS,
    "tests.support.processes.",
    "tests.support.faults.",
    "tests.support.sdk.process",
    "tests.support.web.",
)
WITHOUT_SERVERS = {"boat", "events", "refreshes", "soak"}
FIXTURES = set(conftest.__all__) - WITHOUT_SERVERS
"""Those that start something."""


def sources() -> list[Path]:
    found = [ROOT / path for path in dev.FAST]
    assert all(path.exists() for path in found)
    return sorted(
        file for path in found for file in (path.rglob("*.py") if path.is_dir() else [path])
    )


def needed(tree: ast.Module) -> Iterator[str]:
    """Yield what a file imports, and which fixtures it asks for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "usefixtures":
            yield from (str(ast.literal_eval(name)) for name in node.args)
        elif isinstance(node, ast.Attribute) and node.attr == "getfixturevalue":
            yield node.attr


@pytest.mark.parametrize("file", sources(), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_fast_test_starts_a_server_or_a_browser(file: Path) -> None:
    slow = {
        name
        for name in needed(ast.parse(file.read_text(encoding="utf-8")))
        if name in FIXTURES | {"getfixturevalue"}
        or (name.startswith(FORBIDDEN) and name.rpartition(".")[0] not in ONLY_SOCKETS)
    }
    assert slow == set()


def test_the_fast_run_needs_neither_servers_nor_the_environments_of_the_sdks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[list[Path | str]] = []

    def call(command: list[Path | str]) -> int:
        called.append(command)
        return 0

    monkeypatch.setattr(dev, "_call", call)
    monkeypatch.setattr(dev, "environment", lambda recipe: nullcontext(Path("python")))
    monkeypatch.setattr(dev, "_prepare", lambda: pytest.fail("installs servers"))
    monkeypatch.setattr(dev, "check", lambda args: pytest.fail("checks"))
    monkeypatch.setattr(dev, "environments", lambda *_: pytest.fail("builds other environments"))
    assert dev.test(["--fast", "-x"]) == 0
    (command,) = called
    assert command[-len(dev.FAST) - 1 :] == [*dev.FAST, "-x"]
