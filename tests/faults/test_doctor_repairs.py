"""A login whose save failed is repaired, by the next start or the doctor; Zoho is asked once."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from evergrant import open_store
from evergrant.sandbox import Sandbox
from tests.support.cli.runner import ALICE, Command

Locked = Callable[[], AbstractContextManager[None]]

NOT_SAVED = 8


@pytest.fixture
def boat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path))
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0, 0))
    return tmp_path


@pytest.fixture
def store_url(boat: Path) -> str:
    return f"sqlite:///{boat}/tokens.db?timeout=0"


@pytest.fixture
def adrift(zoho: Sandbox, boat: Path, store_url: str, locked: Locked) -> None:
    """Log Alice in while the store takes nothing."""
    open_store(store_url).close()
    with locked():
        code = zoho.grant_code(ALICE)
        arguments = ("login", "--self-client", f"--sandbox={zoho.url}", "--store", store_url)
        result = Command()(*arguments, stdin=code)
    assert result.exit_code == NOT_SAVED, result.output
    assert "lifeboat" in result.stderr
    assert len(list(boat.glob("lifeboat-*"))) == 1


def check_restored(zoho: Sandbox, boat: Path, store_url: str) -> None:
    with open_store(store_url) as store:
        (token,) = store.get_tokens()
    assert (token.user_name or "").startswith(ALICE)
    assert token.refresh_token
    assert list(boat.glob("lifeboat-*")) == []
    assert zoho.calls.count(path="/oauth/v2/token") == 1


@pytest.mark.usefixtures("adrift")
def test_by_the_doctor(zoho: Sandbox, boat: Path, store_url: str) -> None:
    run = Command()
    assert run("doctor", "--offline", "--store", store_url).exit_code == 1
    result = run("doctor", "--offline", "--repair", "--json", "--store", store_url)
    assert result.exit_code == 0, result.output
    (told,) = [check for check in json.loads(result.stdout) if check["name"] == "lifeboat"]
    assert told["detail"].startswith(f"token 1 of {ALICE}")
    assert told["detail"].endswith("restored")
    check_restored(zoho, boat, store_url)
    assert run("doctor", "--offline", "--store", store_url).exit_code == 0


@pytest.mark.usefixtures("adrift")
def test_by_the_next_command(zoho: Sandbox, boat: Path, store_url: str) -> None:
    result = Command()("token", ALICE, "--store", store_url)
    assert result.exit_code == 0, result.output
    check_restored(zoho, boat, store_url)


@pytest.mark.usefixtures("adrift")
def test_not_while_the_store_takes_nothing(
    zoho: Sandbox, boat: Path, store_url: str, locked: Locked
) -> None:
    with locked():
        result = Command()("doctor", "--offline", "--repair", "--store", store_url)
    assert result.exit_code == 1
    assert "still waiting" in result.stdout
    assert len(list(boat.glob("lifeboat-*"))) == 1
    assert Command()("token", ALICE, "--store", store_url).exit_code == 0
    check_restored(zoho, boat, store_url)
