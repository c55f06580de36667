"""A project's folder, and users of the sandbox whose tokens it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evergrant import Accounts
from evergrant.sandbox import Sandbox
from evergrant.token import Token
from tests.adopt.grants import LogIn
from tests.support.cli.runner import Command


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path / "home"))
    return Command()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def log_in(zoho: Sandbox) -> LogIn:
    def granted(user: str = "alice@example.com", *scopes: str, **more: Any) -> Token:
        where = zoho.user(user).data_center
        client = more.get("client", zoho.client)
        with Accounts(
            client.client_id,
            client.client_secret,
            data_centers=zoho.data_centers,
            data_center=where,
            clock=zoho.clock,
        ) as accounts:
            return accounts.exchange(zoho.grant_code(user, *scopes, **more))

    return granted
