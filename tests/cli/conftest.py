"""What tests of the command line share: a sandbox, a home and a store of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import Command, LogIn


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Command:
    return Command()


@pytest.fixture
def store(home: Path) -> Iterator[TokenStore]:
    """The store that commands use when none is named."""
    with open_store(f"sqlite:///{home}/tokens.db") as store:
        yield store


@pytest.fixture
def logged_in(run: Command, zoho: Sandbox) -> LogIn:
    """Log users of the sandbox in, by the command line."""

    def log_in(*users: str) -> None:
        for user in users:
            home = ("--data-center", zoho.user(user).data_center)
            code = zoho.grant_code(user)
            result = run("login", "--self-client", f"--sandbox={zoho.url}", *home, stdin=code)
            assert result.exit_code == 0, result.output

    return log_in


@pytest.fixture
def sandbox(zoho: Sandbox) -> str:
    """The option that says where Zoho is."""
    return f"--sandbox={zoho.url}"
