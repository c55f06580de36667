"""``EVERGRANT_SANDBOX`` aims a program at a sandbox of this machine, and at nothing else."""

from __future__ import annotations

import socket

import pytest

from evergrant import Accounts, Keeper, open_store
from evergrant.datacenter import ZOHO
from evergrant.errors import ConfigError
from evergrant.sandbox import Sandbox

REAL = ("1000.REAL", "real-secret")


def test_an_unchanged_program_logs_in_and_refreshes_at_the_sandbox(
    zoho_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRANT_SANDBOX", zoho_sandbox.url)
    url = "http://localhost:8000/zoho/callback"
    with open_store("memory:") as store, Accounts(*REAL, redirect_url=url) as accounts:
        keeper = Keeper(store, accounts)
        begun = keeper.authorization_url(["ZohoCRM.modules.ALL"], session="s")
        back = zoho_sandbox.consent(begun)
        assert back.startswith(url)
        keeper.complete_login(back, session="s")
        first = keeper.access_token("alice@example.com")
        zoho_sandbox.clock.advance(hours=2)
        accounts.clock._max_age = -1  # type: ignore[attr-defined]
        assert keeper.access_token("alice@example.com") != first


def test_the_real_client_is_neither_used_nor_sent(
    zoho_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRANT_SANDBOX", zoho_sandbox.url)
    with Accounts(*REAL, client_secrets={"eu": "real-eu"}) as accounts:
        client = accounts.require_client()
    assert client.client_id == zoho_sandbox.client.client_id
    assert client.secret_for(accounts.home_data_center) == zoho_sandbox.client.client_secret


def test_a_data_center_that_the_sandbox_has_not_is_its_first(
    zoho_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRANT_SANDBOX", zoho_sandbox.url)
    for asked, got in (("jp", "us"), ("eu", "eu"), (None, "us")):
        with Accounts(data_center=asked) as accounts:
            assert accounts.home_data_center.code == got


def test_who_names_data_centers_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGRANT_SANDBOX", "http://127.0.0.1:1")
    with Accounts(*REAL, data_centers=ZOHO) as accounts:
        assert accounts.home_data_center.accounts_url == "https://accounts.zoho.com"


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_names_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("EVERGRANT_SANDBOX", value)
    with Accounts(*REAL) as accounts:
        assert accounts.data_centers is ZOHO


@pytest.mark.parametrize(
    "value",
    [
        "1",
        "true",
        "https://127.0.0.1:8790",
        "https://accounts.zoho.com",
        "http://sandbox.example:8790",
        "http://10.1.2.3:8790",
        "http://127.0.0.1:8790@evil.example",
        "http://127.0.0.1.evil.example:8790",
        "http://127.0.0.1:8790/path",
        "http://user:pass@127.0.0.1:8790",
    ],
)
def test_a_stranger_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("EVERGRANT_SANDBOX", value)
    with pytest.raises(ConfigError) as refused:
        Accounts(*REAL)
    assert refused.value.message == (
        "EVERGRANT_SANDBOX is not the address of a sandbox on this machine"
    )
    assert "evergrant sandbox" in (refused.value.hint or "")


def test_nobody_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("EVERGRANT_SANDBOX", f"http://127.0.0.1:{port}")
    with pytest.raises(ConfigError, match="no sandbox answers at"):
        Accounts(*REAL)
