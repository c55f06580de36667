"""Places that are no files: a keyring, and tables of database servers."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from evergrant.adopt import find_tokens
from evergrant.adopt.mapped_tables import read_mapped_table
from evergrant.datacenter import ZOHO
from evergrant.errors import StoreUnavailable
from tests.adopt.test_found import REFRESH
from tests.support.security.visible_output import shown
from tests.support.servers.databases import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What a keyring of the desktop holds for the service zoho-cli."""
    kept: dict[str, object] = {"username": "me@example.com", "password": "{}"}
    errors, ring = ModuleType("keyring.errors"), ModuleType("keyring")
    locked = type("KeyringError", (Exception,), {})

    def get_credential(service: str, name: None) -> SimpleNamespace | None:
        assert (service, name) == ("zoho-cli", None)
        if "error" in kept:
            raise locked("locked")
        return SimpleNamespace(**kept) if kept else None

    monkeypatch.setattr(errors, "KeyringError", locked, raising=False)
    monkeypatch.setattr(ring, "get_credential", get_credential, raising=False)
    monkeypatch.setattr(ring, "errors", errors, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return kept


def test_an_entry_of_a_keyring(tmp_path: Path, entry: dict[str, object]) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"client_id": "1000.CLIENT", "client_secret": "s"})
    )
    scopes = ["ZohoMail.messages.READ", "ZohoCliq.Channels.READ"]
    server = "https://accounts.zoho.in"
    entry["password"] = json.dumps(
        {"refresh_token": REFRESH, "scopes": scopes, "accounts_server": server}
    )
    assert find_tokens(tmp_path).grants == []
    [found] = find_tokens(tmp_path, keyring=True).grants
    assert (found.source, found.key, found.data_center) == ("keyring", "me@example.com", "in")
    assert found.token.scopes == tuple(scopes)
    assert found.token.client_id == "1000.CLIENT"


@pytest.mark.parametrize("broken", ["{", "locked", "empty"])
def test_a_keyring_that_does_not_tell(
    tmp_path: Path, entry: dict[str, object], broken: str
) -> None:
    if broken == "empty":
        entry.clear()
    elif broken == "locked":
        entry["error"] = True
    else:
        entry["password"] = broken
    report = find_tokens(tmp_path, keyring=True)
    assert report.grants == []
    assert len(report.problems) == (broken != "empty")


def test_a_table_of_a_database_server(postgresql: Database) -> None:
    postgresql.execute(
        'CREATE TABLE "Zoho Token" (id serial, "ref" text, tok text, until timestamptz, owner int)',
        f"""INSERT INTO "Zoho Token" VALUES (1, '{REFRESH}', 'a', '2026-03-01 00:30+00', 7)""",
    )
    columns = "refresh_token:ref,access_token:tok,expires_at:until,owner:owner"
    url = f"{postgresql.url}?table=Zoho%20Token&map={columns}"
    [found] = read_mapped_table(url, ZOHO, NOW)
    assert found.token.refresh_token == REFRESH
    assert found.token.expires_at == datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert found.key == "7"
    with pytest.raises(StoreUnavailable) as refused:
        read_mapped_table(url.replace("map=refresh_token:ref", "map=refresh_token:no"), ZOHO, NOW)
    assert ".no does not exist" in refused.value.message
    password = postgresql.url.partition("@")[0].rpartition(":")[2]
    assert password not in "".join(shown(refused.value))
