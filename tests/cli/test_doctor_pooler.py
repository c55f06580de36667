"""``evergrant doctor`` says what a pooler costs, and that nothing is wrong with one."""

from __future__ import annotations

import json

import pytest

from tests.support.cli.runner import Command
from tests.support.servers.databases import Database
from tests.support.servers.poolers import Pooled


def told(run: Command, url: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    monkeypatch.setenv("EVERGRANT_STORE", url)
    result = run("doctor", "--offline", "--json")
    assert result.exit_code == 0, result.output
    assert "planted" not in result.output
    return [check for check in json.loads(result.stdout) if check["name"] == "way to the store"]


def test_a_pooler_is_told_with_what_it_costs(
    run: Command, pgbouncer: Pooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = told(run, pgbouncer.url, monkeypatch)
    assert {check["status"] for check in checks} == {"note"}
    text = " ".join(check["detail"] for check in checks)
    assert "behind a pooler" in text
    assert "no notices of leases (LISTEN)" in text


def test_a_server_is_not_taken_for_a_pooler(
    run: Command, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(run, database.url, monkeypatch) == []
