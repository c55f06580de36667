"""Every example in the documents runs, against the sandbox in place of Zoho."""

from __future__ import annotations

import ast
import asyncio
import functools
import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import evergrant
from evergrant import Keeper
from evergrant.accounts import Accounts
from evergrant.config import load_settings
from evergrant.sandbox import Sandbox
from evergrant.testing import StoreContract
from tests.support.stores.sqlite_store import SeedStore, seed_token

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)


def run(source: str, names: dict[str, Any]) -> None:
    for statement in ast.parse(source).body:
        code = compile(ast.Module([statement], []), "example", "exec")
        exec(code, names)  # noqa: S102 - our own documents
        if "url" in names and "redirect_url" not in names:
            names["redirect_url"] = names["zoho"].consent(names["url"], user="alice@example.com")


@pytest.fixture
def zoho_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Put the sandbox in Zoho's place for a program that knows nothing of it."""
    with Sandbox() as zoho:
        client = zoho.add_client(redirect_uris=("https://app.example.com/zoho",))
        at_sandbox = functools.partial(Accounts, data_centers=zoho.data_centers, clock=zoho.clock)
        monkeypatch.setattr(evergrant, "Accounts", at_sandbox)
        monkeypatch.setenv("ZOHO_CLIENT_ID", client.client_id)
        monkeypatch.setenv("ZOHO_CLIENT_SECRET", client.client_secret)
        monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path / "home"))
        monkeypatch.chdir(tmp_path)
        yield zoho


def end(keeper: Keeper) -> None:
    keeper.store.close()
    keeper.accounts.close()


@pytest.fixture
def sandboxed(zoho_itself: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox in Zoho's place, by the variable that aims a program at it; alice has a store."""
    monkeypatch.setenv("EVERGRANT_SANDBOX", zoho_itself.url)
    monkeypatch.setenv("EVERGRANT_STORE", "sqlite:///tokens.db")
    for name in ("ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    scopes = ("Desk.tickets.READ", "ZohoBooks.settings.READ", *evergrant.IDENTITY_SCOPES)
    with Keeper.from_env() as keeper:
        keeper.login_with_code(zoho_itself.grant_code("alice@example.com", scopes))
    return zoho_itself


@pytest.mark.usefixtures("sandboxed")
def test_readme_first_call_prints_what_the_readme_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first_call, *_others = blocks(ROOT / "README.md")
    names: dict[str, Any] = {}
    run(first_call, names)
    assert capsys.readouterr().out == "Org US\n"
    assert "It prints `Org US`" in (ROOT / "README.md").read_text()
    with pytest.raises(RuntimeError):
        names["crm"].get("http://127.0.0.1")
    gc.collect()  # what it left open would be told here


def test_readme_services_example_calls_two(sandboxed: Sandbox) -> None:
    _first_call, services, *_others = blocks(ROOT / "README.md")
    names: dict[str, Any] = {"Keeper": Keeper}
    run(services, names)
    org = sandboxed.user("alice@example.com").orgs[0].zgid
    with Keeper.from_env(default_org=org) as keeper, keeper.client(service="desk") as desk:
        assert desk.get("/tickets").status_code == 200
    assert org == "60000000001"
    names["desk"].close()
    names["books"].close()


def test_readme_example_logs_in_calls_the_api_and_closes_all(
    tmp_path: Path, zoho_itself: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_SECRET", "of the test")
    names: dict[str, Any] = {"zoho": zoho_itself, "session_id": "of the browser"}
    _first_call, _services, *program, _fixture = blocks(ROOT / "README.md")
    for block in program:
        run(block, names)
    assert names["access_token"].startswith("1000.")
    assert names["header"] == {"Authorization": f"Zoho-oauthtoken {names['access_token']}"}
    assert names["wrong"] == {"Authorization": "Zoho-oauthtoken ********"}
    assert names["leads"].status_code == 204
    assert names["app"].routes
    assert (tmp_path / "tokens.db").stat().st_mode & 0o777 == 0o600
    names.clear()
    gc.collect()


def test_async_example_logs_in_and_calls_the_api(zoho_itself: Sandbox) -> None:
    app: dict[str, Any] = {}
    (block,) = blocks(ROOT / "docs" / "async.md")
    run(block, app)

    async def main() -> int:
        async with app["lifespan"](None):
            url = await app["log_in"]("of the browser")
            redirect = zoho_itself.consent(url, user="alice@example.com")
            token = await app["logged_in"](redirect, "of the browser")
            answer = await app["leads"](token.user_name)
            return int(answer.status_code)

    assert asyncio.run(main()) == 204
    end(app["keeper"].keeper)


def test_readme_pytest_example_runs_as_written(zoho_sandbox: Sandbox) -> None:
    names: dict[str, Any] = {}
    run(blocks(ROOT / "README.md")[-1], names)
    before = zoho_sandbox.clock()
    names["test_my_app"](zoho_sandbox)
    gc.collect()  # what it left open would be told here
    assert any(call.path == "/oauth/v2/token" for call in zoho_sandbox.calls)
    assert (zoho_sandbox.clock() - before).total_seconds() >= 3600


def test_stores_example_is_a_contract_class() -> None:
    names: dict[str, Any] = {}
    for block in blocks(ROOT / "docs" / "stores.md"):
        run(block, names)
    assert issubclass(names["TestMyStore"], StoreContract)


def test_moving_example_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    SeedStore("zohooauth.db").save_token(seed_token("alice"))
    (block,) = blocks(ROOT / "docs" / "moving.md")
    run(block, {})
    assert capsys.readouterr().out == "alice@example.com:60001 new \n"


def test_observability_example_writes_an_audit_log(tmp_path: Path, zoho_itself: Sandbox) -> None:
    store, accounts = evergrant.open_store("memory:"), evergrant.Accounts()
    names: dict[str, Any] = {"Keeper": Keeper, "store": store, "accounts": accounts}
    (block,) = blocks(ROOT / "docs" / "observability.md")
    run(block, names)
    end(names["keeper"])
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600


def test_policies_example_is_a_policy(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "policies.md").read_text()
    file = tmp_path / "policy.toml"
    file.write_text(text.partition("```toml\n")[2].partition("```")[0])
    settings = load_settings(file)
    assert settings.policy.max_tokens_per_client == 500
    store, accounts = evergrant.open_store("memory:"), evergrant.Accounts()
    names: dict[str, Any] = {"store": store, "accounts": accounts}
    (block,) = blocks(ROOT / "docs" / "policies.md")
    run(block, names)
    end(names["keeper"])
    assert names["policy"].session_timeout == settings.policy.session_timeout


def test_services_examples_call_three_services(zoho_itself: Sandbox) -> None:
    scopes = ["Desk.tickets.READ", "ZohoBooks.invoices.READ", "ZohoMail.accounts.READ"]
    store, client = evergrant.open_store("memory:"), zoho_itself.client
    accounts = evergrant.Accounts(client.client_id, client.client_secret)
    keeper = Keeper(store, accounts)
    code = zoho_itself.grant_code("alice@example.com", [*scopes, *evergrant.IDENTITY_SCOPES])
    org = zoho_itself.user("alice@example.com").orgs[0]
    keeper.login_with_code(code)
    zoho_itself.add_records("desk", "tickets", [{"id": "1"}])
    names: dict[str, Any] = {"keeper": keeper, "org_id": org.zgid}
    for block in blocks(ROOT / "docs" / "services.md"):
        run(block, names)
    assert names["tickets"] == [{"id": "1"}]
    assert names["invoices"] == []
    assert names["accounts"][0]["primaryEmailAddress"] == "alice@example.com"
    for opened in ("desk", "books", "mail", "client"):
        names[opened].close()
    end(keeper)


def test_environment_example_calls_the_crm(
    zoho_itself: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = zoho_itself.client
    with evergrant.Accounts(client.client_id, client.client_secret) as accounts:
        token = accounts.exchange(zoho_itself.grant_code("alice@example.com"))
    assert token.refresh_token
    monkeypatch.setenv("EVERGRANT_SANDBOX", zoho_itself.url)
    monkeypatch.setenv("ZOHO_CLIENT_ID", client.client_id)
    monkeypatch.setenv("ZOHO_CLIENT_SECRET", client.client_secret)
    monkeypatch.setenv("ZOHO_REFRESH_TOKEN", str.__str__(token.refresh_token))
    names: dict[str, Any] = {}
    (block,) = blocks(ROOT / "docs" / "environment.md")
    run(block, names)
    assert names["access_token"].startswith("1000.")
    assert names["org"]["org"][0]["company_name"] == "Org US"


def test_no_document_has_an_example_that_nothing_runs() -> None:
    with_examples = {path.name for path in DOCUMENTS if blocks(path)}
    assert with_examples == {
        "README.md",
        "async.md",
        "environment.md",
        "moving.md",
        "observability.md",
        "policies.md",
        "official-sdk.md",
        "services.md",
        "stores.md",
    }
