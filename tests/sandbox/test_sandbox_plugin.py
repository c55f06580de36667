from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from evergrant.testing.local_sandbox import LocalSandbox
from tests.support.sandbox.accounts_caller import Caller


def test_the_fixture_hands_out_a_running_sandbox(zoho_sandbox: Sandbox) -> None:
    assert "access_token" in Caller(zoho_sandbox).login()


def test_importing_the_plugin_imports_no_sandbox() -> None:
    listing = "import sys, evergrant.testing.plugin; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", listing], check=True, capture_output=True, text=True
    )
    loaded = set(ran.stdout.split())
    assert "evergrant.testing.plugin" in loaded
    assert not {"evergrant.sandbox", "http.server"} & loaded


def test_a_keeper_of_the_fixture_has_its_users_logged_in(zoho_sandbox: LocalSandbox) -> None:
    keeper = zoho_sandbox.keeper("alice@example.com", "carol@example.eu")
    assert [token.user_name for token in keeper.store.get_tokens()] == [
        f"{email}:{zoho_sandbox.user(email).orgs[0].zgid}"
        for email in ("alice@example.com", "carol@example.eu")
    ]
    with keeper.client("alice@example.com") as crm:
        answer = crm.get("/users?type=CurrentUser")
    assert answer.json()["users"][0]["email"] == "alice@example.com"
    before = keeper.access_token("carol@example.eu")
    zoho_sandbox.clock.advance(hours=2)
    assert keeper.access_token("carol@example.eu") != before
    assert zoho_sandbox.calls.count(grant_type="refresh_token") == 1


def test_the_fixture_has_a_keeper_for_any_service(zoho_sandbox: LocalSandbox) -> None:
    zoho_sandbox.add_records("desk", "tickets", [{"id": "1", "subject": "Printer"}])
    keeper = zoho_sandbox.keeper("bob@example.com", scopes=["Desk.tickets.READ"])
    with keeper.client("bob@example.com", service="desk") as desk:
        answer = desk.get("/tickets")
    assert answer.json() == {"data": [{"id": "1", "subject": "Printer"}]}


def test_accounts_begin_where_it_is_said(zoho_sandbox: LocalSandbox) -> None:
    eu = zoho_sandbox.accounts(data_center="eu").home_data_center
    assert eu == zoho_sandbox.data_center("eu")
    assert zoho_sandbox.accounts().home_data_center == zoho_sandbox.data_center("us")


def test_a_user_that_the_sandbox_does_not_have_is_named(zoho_sandbox: LocalSandbox) -> None:
    with pytest.raises(LookupError, match=r"nobody@example\.com"):
        zoho_sandbox.keeper("nobody@example.com")


def test_a_keeper_uses_the_store_that_is_named(zoho_sandbox: LocalSandbox, tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/tokens.db"
    zoho_sandbox.keeper("alice@example.com", store=place)
    again = zoho_sandbox.keeper(store=place)
    assert again.access_token("alice@example.com").startswith("1000.")
