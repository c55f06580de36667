"""``evergrant doctor``: it finds what is wrong, says what to do, and shows no secret."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from evergrant.clock import utc_now
from evergrant.sandbox import RemoteClock, Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, Command, LogIn, a_token


def checks(run: Command, *arguments: str, code: int = 0) -> dict[str, dict[str, str]]:
    result = run("doctor", "--json", *arguments)
    found = json.loads(result.stdout)
    assert result.exit_code == code, found
    return {check["name"]: check for check in found}


def test_all_is_well_with_a_sandbox(run: Command, zoho: Sandbox, logged_in: LogIn) -> None:
    logged_in(ALICE)
    found = checks(run, f"--sandbox={zoho.url}")
    assert {check["status"] for check in found.values()} == {"ok"}
    assert found["tokens"]["detail"] == "1"
    assert found["accounts server us"]["detail"].startswith(f"{zoho.url} answers; clocks differ by")
    assert "evergrant" in found["versions"]["detail"]
    assert "configuration" in run("doctor", f"--sandbox={zoho.url}").stdout


def test_offline_asks_nobody(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergrant._oauth.transport.HttpxTransport.__call__", None)
    found = checks(run, "--offline")
    assert set(found) == {"versions", "configuration", "client", "store", "tokens"}
    assert found["client"]["status"] == "note"


def test_every_data_center_with_tokens_is_asked(
    run: Command, zoho: Sandbox, logged_in: LogIn
) -> None:
    logged_in("carol@example.eu")
    assert "accounts server eu" in checks(run, f"--sandbox={zoho.url}")


def test_a_secret_that_others_can_read_is_a_problem(run: Command, home: Path) -> None:
    home.mkdir()
    file = home / "config.toml"
    file.write_text('client_id = "1000.X"\nclient_secret = "canary-secret"\n')
    file.chmod(0o644)
    found = checks(run, "--offline", code=1)
    assert found["configuration"]["status"] == "problem"
    assert f"chmod 600 {file}" in found["configuration"]["detail"]
    assert found["client"]["detail"] == "1000.X, with a secret"
    assert "canary" not in run("doctor", "--offline").output


def test_a_store_that_others_could_read_is_told_of(
    run: Command, home: Path, store: TokenStore
) -> None:
    (home / "tokens.db").chmod(0o644)
    found = checks(run, "--offline")
    assert "others could read tokens.db" in found["store log"]["detail"]


def test_a_store_that_is_none_is_a_problem(run: Command, home: Path) -> None:
    home.mkdir()
    (home / "tokens.db").write_bytes(b"this is no database" * 1000)
    found = checks(run, "--offline", code=1)
    assert found["store"]["status"] == "problem"
    assert "tokens.db" in found["store"]["detail"]


def test_corrupt_rows_are_problems(run: Command, home: Path, store: TokenStore) -> None:
    broken = store.save_token(a_token())
    store.save_token(a_token(user_name="b:1", access_token="b"))
    with sqlite3.connect(home / "tokens.db") as connection:
        connection.execute("update oauthtoken set expiry_time = 'x' where id = ?", (broken.id,))
    connection.close()
    result = run("doctor", "--offline")
    assert result.exit_code == 1
    assert f"row {broken.id} of the token store is corrupt" in result.stdout


@pytest.mark.parametrize(("hours", "words"), [(-1, "ahead of"), (1, "behind")])
def test_a_clock_that_is_off_is_a_problem(
    run: Command, zoho: Sandbox, monkeypatch: pytest.MonkeyPatch, hours: int, words: str
) -> None:
    monkeypatch.setattr(RemoteClock, "__call__", lambda _clock: utc_now())
    zoho.clock.advance(hours=hours)
    found = checks(run, f"--sandbox={zoho.url}", code=1)
    assert words in found["accounts server us"]["detail"]
    assert "NTP" in found["accounts server us"]["hint"]


@pytest.mark.parametrize("disturb", ["server_error", "refuse"])
def test_an_accounts_server_that_fails_is_a_problem(
    run: Command, zoho: Sandbox, disturb: str
) -> None:
    getattr(zoho.faults, disturb)(path="/oauth/serverinfo", times=None)
    found = checks(run, f"--sandbox={zoho.url}", code=1)
    assert found["accounts server us"]["status"] == "problem"


@pytest.mark.parametrize("portal", ["page", "redirect"])
def test_a_network_that_answers_for_the_accounts_server_is_a_problem(
    run: Command, zoho: Sandbox, portal: str
) -> None:
    if portal == "page":
        zoho.faults.html(path="/oauth/serverinfo", times=None)
    else:
        zoho.faults.server_error(302, b"", path="/oauth/serverinfo", times=None)
    found = checks(run, f"--sandbox={zoho.url}", code=1)["accounts server us"]
    assert found["status"] == "problem"
    assert "network may require a login" in found["detail"]


@pytest.mark.parametrize(("hours", "how"), [(-1, "3600 s ahead of"), (1, "3600 s behind"), (0, "")])
def test_a_store_whose_clock_differs_is_a_problem(
    run: Command, monkeypatch: pytest.MonkeyPatch, hours: int, how: str
) -> None:
    def storage_time(_: object) -> datetime:  # as a database server has one
        return utc_now() + timedelta(hours=hours)

    monkeypatch.setattr("evergrant.stores.sqlite.SQLiteStore.storage_time", storage_time)
    found = checks(run, "--offline", code=1 if hours else 0)["store clock"]
    assert found["status"] == ("problem" if hours else "ok")
    assert how in found["detail"]
    assert ("NTP" in found["hint"]) == bool(hours)


def test_no_sandbox_is_a_problem(run: Command, zoho: Sandbox) -> None:
    zoho.stop()
    found = checks(run, f"--sandbox={zoho.url}", code=1)
    assert "no sandbox answers" in found["accounts server"]["detail"]


def test_a_token_of_a_stranger_is_a_problem(run: Command, zoho: Sandbox, store: TokenStore) -> None:
    store.save_token(a_token(api_domain="https://www.zohoapis.com.evil.example"))
    found = checks(run, f"--sandbox={zoho.url}", code=1)
    assert "evil.example" in found["data center"]["detail"]


def test_a_grant_whose_login_died_before_its_owner_was_known_is_pointed_out(
    run: Command, store: TokenStore
) -> None:
    nameless = store.save_token(a_token(user_name=None))
    found = checks(run, "--offline")["nameless grant"]
    assert found["status"] == "note"
    assert f"token {nameless.id}" in found["detail"]
    assert f"evergrant delete --id {nameless.id}" in found["hint"]


def test_a_key_that_is_none_is_a_problem(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGRANT_KEY", "canary")
    found = checks(run, "--offline", code=1)
    assert "EVERGRANT_KEY: a key must be" in found["keys"]["detail"]
    assert "canary" not in run("doctor", "--offline").output


def test_a_key_is_named_and_not_shown(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGRANT_KEY", "A" * 43 + "=")
    assert checks(run, "--offline")["keys"]["detail"] == "4a860a14 encrypts new data"
    assert "AAAA" not in run("doctor", "--offline").output
