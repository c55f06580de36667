"""Secrets, ids, codes and URLs with a line break: taken off where files add it, or refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import requests

from evergrant import Accounts, Client, Keeper, Token, open_store
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant._oauth.redirect import parse_redirect
from evergrant.config import load_settings
from evergrant.errors import CodeSpent, ConfigError, CorruptRecord, EvergrantError
from evergrant.stores.memory import MemoryStore
from evergrant.transfer.formats import token_from_environment

BAD = ["a\n", "\na", "a\r\nX-Evil: 1", "a b", "a\x00", "a\x9b2J", "a\u2028b", "a\u202eb", "a\t"]
FUTURE = datetime(2999, 1, 1, tzinfo=UTC)


def send(call: HttpRequest) -> HttpResponse:
    raise AssertionError(f"sent: {call.url}")


@pytest.mark.parametrize("bad", BAD, ids=ascii)
def test_a_client_is_refused_where_it_is_set(bad: str) -> None:
    for given in (
        {"client_id": bad},
        {"client_id": "1000.ID", "client_secret": bad},
        {"client_id": "1000.ID", "redirect_url": f"https://app.example.com/{bad}"},
        {"client_id": "1000.ID", "client_secrets": {"eu": bad}},
    ):
        with pytest.raises(ConfigError, match="blank, a line break or a control") as caught:
            Accounts(**given, send=send)
        assert str(caught.value).isprintable()
    with pytest.raises(ConfigError):
        Client(bad)


@pytest.mark.parametrize("bad", BAD, ids=ascii)
def test_a_token_or_code_is_refused_before_anything_is_sent(bad: str) -> None:
    with Accounts("1000.ID", "secret", send=send) as accounts:
        with pytest.raises(CorruptRecord, match="was not sent"):
            accounts.refresh(Token(refresh_token=bad))
        with pytest.raises(CorruptRecord, match="was not sent"):
            accounts.revoke(Token(refresh_token=bad))
        with pytest.raises(CodeSpent, match="was not sent"):
            accounts.exchange(bad)
        with pytest.raises(CodeSpent, match="was not sent"):
            accounts.exchange(parse_redirect({"code": bad, "state": "x"}).code_or_raise())


@pytest.mark.parametrize("bad", [*BAD, "ä"], ids=ascii)
def test_an_access_token_cannot_break_out_of_its_header(bad: str, tmp_path: Path) -> None:
    store = MemoryStore()
    store.save_token(
        Token(
            user_name="a@x.com:1",
            client_id="1000.ID",
            access_token=bad,
            refresh_token="r",
            expires_at=FUTURE,
            api_domain="https://www.zohoapis.com",
        )
    )
    with (
        Accounts("1000.ID", "secret", send=send) as accounts,
        Keeper(store, accounts, lifeboat=tmp_path) as keeper,
    ):
        url = "https://www.zohoapis.com/crm/v8/Leads"
        with pytest.raises(CorruptRecord, match="not allowed in a header"):
            requests.get(url, auth=keeper.requests_auth("a@x.com"), timeout=1)
        with pytest.raises(CorruptRecord, match="not allowed in a header"):
            httpx2.get(url, auth=keeper.auth("a@x.com"))


def test_the_one_line_end_of_the_environment_and_of_files_is_taken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'redirect_url = """https://x.example/cb\\n"""\nclient_secrets = {eu = "e\\n"}\n'
    )
    file.chmod(0o600)
    monkeypatch.setenv("EVERGRANT_CLIENT_ID", "1000.ID\r\n")
    monkeypatch.setenv("EVERGRANT_STORE", "memory:\n")
    settings = load_settings(file)
    assert settings.client_id == "1000.ID"
    assert settings.store == "memory:"
    assert settings.redirect_url == "https://x.example/cb"
    assert settings.client_secrets == {"eu": "e"}
    monkeypatch.setenv("ZOHO_REFRESH_TOKEN", "1000.r\n")
    assert token_from_environment().refresh_token == "1000.r"
    monkeypatch.setenv("ZOHO_REFRESH_TOKEN", "1000.r\n\n")
    with pytest.raises(ConfigError, match="line break"):
        token_from_environment()


@pytest.mark.parametrize(
    "url", ["memory:\n", "sqlite:///a.db\n", "redis://h\x1b/0", "postgresql://u:p\nw@h/db"]
)
def test_a_store_s_url_with_a_line_break_is_refused(url: str) -> None:
    with pytest.raises(EvergrantError, match="line break") as caught:
        open_store(url)
    assert str(caught.value).isprintable()
    assert "p\\nw" not in str(caught.value)
