"""A Keeper from the environment: three variables are enough, and eight workers refresh once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evergrant import Keeper, Policy, open_store
from evergrant.aio import AsyncKeeper
from evergrant.errors import (
    ConfigError,
    LoginRequired,
    StoreError,
    TokenNotFound,
)
from evergrant.sandbox import Sandbox
from evergrant.token import Token
from tests.support.keeper.refresh_tokens import refresh_token_of

ALICE = "alice@example.com"
SCOPES = ["ZohoBooks.invoices.READ", "ZohoCRM.org.READ"]


@pytest.fixture
def in_env(zoho: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    """A grant in the environment, as most programs have it."""
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVERGRANT_SANDBOX", zoho.url)
    monkeypatch.setenv("ZOHO_CLIENT_ID", zoho.client.client_id)
    monkeypatch.setenv("ZOHO_CLIENT_SECRET", zoho.client.client_secret)
    monkeypatch.setenv("ZOHO_REFRESH_TOKEN", refresh_token_of(zoho, ALICE, SCOPES))
    zoho.calls.clear()
    return zoho


def test_three_variables_are_enough(in_env: Sandbox) -> None:
    with Keeper.from_env() as keeper:
        first = keeper.access_token()
        assert keeper.access_token() == first
        with keeper.client() as crm:
            assert crm.get("/org").status_code == 200
            in_env.expire_access_tokens(ALICE)
            assert crm.get("/org").status_code == 200
        assert keeper.access_token() != first
    assert in_env.calls.count(grant_type="refresh_token") == 2


def test_the_org_of_the_environment_goes_to_services_that_take_one(
    in_env: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = in_env.user(ALICE).orgs[0].zgid
    monkeypatch.setenv("ZOHO_ORG_ID", org)
    with Keeper.from_env() as keeper:
        with keeper.client(service="books") as books:
            assert books.get("/invoices").status_code == 200
        with keeper.client() as crm:
            assert crm.get("/org").status_code == 200
    assert [call.org for call in in_env.calls if call.service == "books"] == [org]


def test_no_secret_is_written(in_env: Sandbox, tmp_path: Path) -> None:
    with Keeper.from_env() as keeper:
        keeper.access_token()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert kept
    for name in ("ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"):
        assert os.environ[name].encode() not in kept
    (database,) = tmp_path.rglob("env.db")
    assert database.stat().st_mode & 0o777 == 0o600


WORKER = """
from evergrant import Keeper
with Keeper.from_env() as keeper:
    print(keeper.access_token())
"""


def test_eight_workers_refresh_once(in_env: Sandbox) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    tokens = {worker.communicate(timeout=60)[0].strip() for worker in workers}
    assert len(tokens) == 1
    assert tokens.pop().startswith("1000.")
    assert in_env.calls.count(grant_type="refresh_token") == 1


def test_another_refresh_token_is_another_grant(
    in_env: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Keeper.from_env() as keeper:
        old = keeper.access_token()
    fresh = refresh_token_of(in_env, ALICE, SCOPES)
    monkeypatch.setenv("ZOHO_REFRESH_TOKEN", fresh)
    with Keeper.from_env() as keeper:
        assert keeper.access_token() != old
        assert keeper.token().refresh_token == fresh
        assert len(keeper.store.get_tokens()) == 1


def test_what_is_shared_may_be_in_a_store_that_is_named(in_env: Sandbox, tmp_path: Path) -> None:
    url = f"env:?store=sqlite:///{tmp_path / 'shared.db'}"
    with Keeper.from_env(store=url) as keeper:
        keeper.access_token()
    assert (tmp_path / "shared.db").exists()
    with open_store(f"sqlite:///{tmp_path / 'shared.db'}") as inside:
        (row,) = inside.get_tokens()
        assert (row.user_name, row.client_secret) == ("env", None)
        assert row.refresh_token == "(in the environment)"


def test_a_store_that_is_named_is_the_store(
    in_env: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'tokens.db'}"
    monkeypatch.setenv("EVERGRANT_STORE", url)
    with Keeper.from_env() as keeper:
        with pytest.raises(TokenNotFound, match="the store holds no token"):
            keeper.access_token()
        keeper.login_with_code(in_env.grant_code(ALICE), ALICE)
        assert keeper.access_token() == keeper.access_token(ALICE)
        keeper.login_with_code(in_env.grant_code("bob@example.com"))
    with Keeper.from_env() as keeper, pytest.raises(TokenNotFound, match="several tokens"):
        keeper.access_token()
    with Keeper.from_env(default_user=ALICE) as keeper:
        assert keeper.access_token() == keeper.access_token(ALICE)


def test_the_grant_cannot_be_deleted_or_replaced_from_here(in_env: Sandbox) -> None:
    with Keeper.from_env() as keeper:
        with pytest.raises(StoreError, match="is in the environment"):
            keeper.forget("env")
        with pytest.raises(StoreError, match="is in the environment"):
            keeper.store.delete_tokens()
        with pytest.raises(StoreError, match="this is another one"):
            keeper.store.save_token(Token(user_name=ALICE, refresh_token="1000.other"))
        assert keeper.access_token()


def test_a_revoked_grant_says_what_to_do(in_env: Sandbox) -> None:
    in_env.revoke(ALICE)
    with Keeper.from_env() as keeper, pytest.raises(LoginRequired):
        keeper.access_token()


def test_a_policy_and_other_arguments_count(in_env: Sandbox) -> None:
    events: list[object] = []
    with Keeper.from_env(policy=Policy(), on_event=events.append) as keeper:
        keeper.access_token()
    assert events


def test_for_asyncio_too(in_env: Sandbox) -> None:
    async def main() -> str:
        async with AsyncKeeper.from_env() as keeper:
            first = await keeper.access_token()
            async with await keeper.client(service="books") as books:
                assert (await books.get("/invoices")).status_code == 200
            return first

    assert asyncio.run(main()).startswith("1000.")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path))
    monkeypatch.setenv("ZOHO_REFRESH_TOKEN", "canary")
    with pytest.raises(ConfigError, match="ZOHO_CLIENT_ID and ZOHO_CLIENT_SECRET is not") as caught:
        Keeper.from_env()
    assert "canary" not in str(caught.value)
    monkeypatch.delenv("ZOHO_REFRESH_TOKEN")
    with pytest.raises(ConfigError, match="ZOHO_REFRESH_TOKEN is not set"):
        open_store("env:")
    with pytest.raises(ConfigError):
        open_store("env:nonsense")


def test_without_a_folder_to_write_each_process_refreshes_by_itself(
    in_env: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").touch()  # no folder can be made below it, not even by root
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with open_store("env:") as store:
        (grant,) = store.get_tokens()
        assert grant.refresh_token == os.environ["ZOHO_REFRESH_TOKEN"]
    assert "env: shares nothing with other processes" in caplog.text
    assert len(caplog.records) == 1


def test_the_temporary_folder_is_used_where_there_is_no_home(
    in_env: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    open_store("env:").close()
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "env.db").stat().st_mode & 0o777 == 0o600


def test_without_a_home_one_sentence_says_what_it_needs(
    in_env: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVERGRANT_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(ConfigError, match="there is no home folder") as caught:
        Keeper.from_env()
    assert "EVERGRANT_HOME" in caught.value.hint
