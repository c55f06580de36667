from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import evergrant

PACKAGE = Path(evergrant.__file__).parent
HEAVY = {
    "asyncio",
    "cryptography",
    "httpx",
    "httpx2",
    "platformdirs",
    "requests",
    "rich",
    "sqlite3",
    "ssl",
    "typer",
    "urllib.request",
}


@pytest.mark.parametrize(
    "code",
    [
        "import evergrant",
        "from evergrant import *",
        "from evergrant import open_store; open_store('memory:')",
    ],
)
def test_no_driver_is_loaded_before_it_is_used(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = done.stdout.split()
    assert "evergrant" in loaded
    assert HEAVY.intersection(loaded) == set()


# import-linter sees packages of the standard library only as a whole; these two have a pure half.
@pytest.mark.parametrize("module", ["client", "errors", "messages", "protocol", "redirect"])
def test_the_protocol_cannot_open_a_connection(module: str) -> None:
    tree = ast.parse((PACKAGE / "_oauth" / f"{module}.py").read_text())
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _names(node)
    }
    assert imported
    assert imported.isdisjoint({"http.client", "http.server", "urllib.request"})


def _names(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)]
