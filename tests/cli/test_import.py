"""`evergrant import`: from a store, the environment or stdin; all of it, or nothing."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from evergrant.errors import ConfigError
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.transfer.formats import token_from_environment, tokens_from_json
from tests.support.cli.runner import Command
from tests.support.security.visible_output import shown
from tests.support.stores.sqlite_store import SeedStore, execute, seed_token
from tests.support.stores.transfer import planted, user_token

SPOKEN = {
    "id": "tenant-a",
    "user_name": "alice@example.com:60001",
    "client_id": "1000.APP",
    "client_secret": "canary-secret",
    "refresh_token": "canary-refresh",
    "access_token": "canary-access",
    "expires_in": "1893499200000",
    "redirect_url": "https://app.example.com/callback",
    "api_domain": "https://www.zohoapis.eu",
    "scopes": "ZohoCRM.modules.ALL,ZohoCRM.users.READ",
    "org_id": 60001,
}


def given(*records: dict[str, Any]) -> str:
    return json.dumps(list(records))


@pytest.mark.parametrize(
    "record",
    [
        SPOKEN,
        {**SPOKEN, "expires_in": 1893499200000},
        {**SPOKEN, "expires_in": None, "expiry_time": "1893499200000"},
        {**SPOKEN, "expires_in": "", "expires_at": "2030-01-01T13:00:00.000999+01:00"},
        {**SPOKEN, "redirect_uri": SPOKEN["redirect_url"], "grant_token": ""},
        {**SPOKEN, "scopes": ["ZohoCRM.modules.ALL", "ZohoCRM.users.READ"], "org_id": "60001"},
    ],
)
def test_the_names_of_the_official_sdk_and_ours(
    run: Command, store: TokenStore, record: dict[str, Any]
) -> None:
    for text in (json.dumps(record), f"\ufeff{given(record)}"):
        result = run("import", "-", stdin=text.encode())
        assert result.exit_code == 0, result.output
    [token] = store.get_tokens()
    assert (token.id, token.user_name, token.org_id) == ("tenant-a", SPOKEN["user_name"], "60001")
    assert token.refresh_token == "canary-refresh"
    assert token.expires_at
    assert token.expires_at.isoformat() == "2030-01-01T12:00:00+00:00"
    assert token.redirect_url == SPOKEN["redirect_url"]
    assert token.scopes == ("ZohoCRM.modules.ALL", "ZohoCRM.users.READ")


def test_what_came_in_is_a_table_or_json(run: Command, store: TokenStore) -> None:
    text = given(SPOKEN, {"user_name": "bob", "refresh_token": "canary-bob"})
    dry = run("import", "-", "--dry-run", stdin=text)
    assert "2 new" in dry.stdout
    assert "dry run" in dry.stderr
    assert store.get_tokens() == []
    table = run("import", "-", stdin=text)
    for word in ("alice@example.com:60001", "tenant-a", "bob", "new"):
        assert word in table.stdout
    rows = json.loads(run("import", "-", "--json", stdin=text).stdout)
    assert [(row["user"], row["outcome"]) for row in rows] == [
        ("alice@example.com:60001", "same"),
        ("bob", "same"),
    ]


def test_a_dry_run_creates_no_store(run: Command, home: Path) -> None:
    assert run("import", "-", "--dry-run", stdin=given(SPOKEN)).exit_code == 0
    assert not home.exists()


BAD = {
    "not JSON": ("{'canary': 1}", "line 1, column 2"),
    "nothing": ("", "not JSON"),
    "cut off": ('[{"user_name": "canary', "not JSON"),
    "a text": ('"canary"', "record 1 is not a JSON object"),
    "a list of texts": (f'[{json.dumps(SPOKEN)}, "canary"]', "record 2 is not a JSON object"),
    "nested for ever": ("[" * 100_000, "not JSON"),
    "a misspelt field": (given(SPOKEN, {"refreshtoken": "canary"}), "2: refreshtoken is not"),
    "a secret as a field": (given({"1000.canary": "x"}), "1: a name that is not a word is"),
    "a number as a secret": (given({"refresh_token": 4711}), "refresh_token is not a string"),
    "a list as a secret": (given({"refresh_token": ["canary"]}), "refresh_token is not a string"),
    "an object as a name": (given({"user_name": {"canary": 1}}), "user_name is not a string"),
    "true as an id": (given({"id": True, "refresh_token": "canary"}), "id is not a string"),
    "a line break": (given({"refresh_token": "canary\n"}), "refresh_token has characters"),
    "a zero byte": (given({"client_id": "canary\0"}), "client_id has characters"),
    "half a character": ('{"user_name": "canary\\ud800"}', "user_name has characters"),
    "a space before": (given({"refresh_token": " canary"}), "begins or ends with a space"),
    "seconds": (given({**SPOKEN, "expires_in": 3600}), "not a time in milli"),
    "epoch seconds": (given({**SPOKEN, "expires_in": "1893499200"}), "not a time in milli"),
    "far beyond": (given({**SPOKEN, "expires_in": "9" * 400}), "not a time in milli"),
    "a number too long": (f'{{"expires_in": {"9" * 5000}}}', "not JSON that can be read"),
    "no time zone": (given({**SPOKEN, "expires_in": "", "expires_at": "2030-01-01"}), "expires_at"),
    "two expiries": (
        given({**SPOKEN, "expires_at": "2031-01-01T00:00:00Z"}), "another name of expires_at",
    ),
    "a name twice": ('{"user_name": "canary", "user_name": "b"}', "user_name is given twice"),
    "no token": (given(SPOKEN, {"user_name": "bob"}), "record 2: there is no refresh_token"),
    "one user twice": (given(SPOKEN, SPOKEN), "record 2 has the user and client of record 1"),
    "scopes of numbers": (given({**SPOKEN, "scopes": [4711]}), "scopes is not a list of strings"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_bad_json_names_record_and_field_and_never_a_value(
    run: Command, home: Path, text: str, message: str
) -> None:
    result = run("import", "-", stdin=text)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    for value in ("canary", "4711", "9999", "1893499200"):
        assert value not in result.output
    assert not home.exists()
    with pytest.raises(ConfigError) as caught:
        tokens_from_json(BytesIO(text.encode()))
    told = "".join(shown(caught.value))
    assert "canary" not in told
    assert "4711" not in told


def test_bytes_that_are_no_text(run: Command, home: Path) -> None:
    result = run("import", "-", stdin=b'{"user_name": "\xff"}')
    assert (result.exit_code, result.stdout) == (2, "")
    assert "UTF-8" in result.stderr


def test_no_record_is_no_token(run: Command, home: Path) -> None:
    result = run("import", "-", stdin="[]")
    assert (result.exit_code, result.stdout) == (0, "no tokens\n")


@pytest.mark.parametrize("prefix", ["ZOHO_", "ACME_", ""])
def test_from_the_environment(
    run: Command, store: TokenStore, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    named = {
        "CLIENT_ID": "1000.APP",
        "CLIENT_SECRET": "canary-secret",
        "REFRESH_TOKEN": "canary-refresh",
        "USER": "alice@example.com:60001",
        "API_DOMAIN": "https://www.zohoapis.eu",
    }
    for name, value in named.items():
        monkeypatch.setenv(f"{prefix}{name}", value)
    monkeypatch.setenv("ZOHO_SOMETHING", "else")
    options = [] if prefix == "ZOHO_" else ["--prefix", prefix]
    result = run("import", "env:", *options)
    assert result.exit_code == 0, result.output
    assert "canary" not in result.output
    [token] = store.get_tokens()
    assert (token.user_name, token.client_id) == ("alice@example.com:60001", "1000.APP")
    assert (token.client_secret, token.refresh_token) == ("canary-secret", "canary-refresh")
    assert token.api_domain == "https://www.zohoapis.eu"


def test_an_environment_without_a_token_says_what_to_set(
    run: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANOTHER_PROGRAMS", "canary-other")
    for name in ("", "ZOHO_CLIENT_SECRET"):
        if name:
            monkeypatch.setenv(name, "canary")
        result = run("import", "env:")
        assert result.exit_code == 2
        assert "refresh_token" in result.stderr.lower()
        assert "canary" not in result.output
        with pytest.raises(ConfigError) as caught:
            token_from_environment()
        assert "canary" not in "".join(shown(caught.value))
    monkeypatch.setenv("ZOHO_REFRESH_TOKEN", "canary\nmore")
    assert "refresh_token has characters" in run("import", "env:").stderr
    assert run("import", "-", "--prefix", "X_", stdin="[]").exit_code == 2
    assert not home.exists()


@pytest.mark.parametrize("how", ["URL", "env:NAME"])
def test_the_seeds_database_is_read_as_it_is(
    run: Command, store: TokenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = tmp_path / "zohooauth.db"
    seed = SeedStore(str(path))
    for who in ("alice", "bob"):
        seed.save_token(seed_token(who))
    before = path.read_bytes()
    url = f"sqlite:///{path}"
    monkeypatch.setenv("NAME", url)
    result = run("import", url if how == "URL" else how)
    assert result.exit_code == 0, result.output
    assert "2 new" in result.stdout
    assert [token.id for token in store.iter_tokens()] == ["1", "2"]
    assert path.read_bytes() == before


def test_all_or_nothing_unless_said(run: Command, store: TokenStore, tmp_path: Path) -> None:
    path = tmp_path / "zohooauth.db"
    seed = SeedStore(str(path))
    for who in ("alice", "bob"):
        seed.save_token(seed_token(who))
    execute(path, "update oauthtoken set expiry_time = 'canary' where id = '1'")
    result = run("import", f"sqlite:///{path}")
    assert result.exit_code == 1
    assert "nothing was imported" in result.stderr
    assert "1 of 2 tokens cannot be imported" in result.stderr
    assert "expiry_time" in result.stdout
    assert store.get_tokens() == []
    partly = run("import", f"sqlite:///{path}", "--partial")
    assert partly.exit_code == 1
    assert "1 new, 1 corrupt" in partly.stdout
    assert len(store.get_tokens()) == 1


def test_a_store_that_fails_in_the_middle_says_how_to_go_on(
    run: Command, store: TokenStore, home: Path
) -> None:
    trigger = "create trigger full before insert on oauthtoken when new.user_name = 'bob'"
    execute(home / "tokens.db", f"{trigger} begin select raise(abort, 'full'); end")
    text = given(SPOKEN, {"user_name": "bob", "refresh_token": "canary-bob"})
    result = run("import", "-", stdin=text)
    assert result.exit_code == 6
    assert "stopped after: 1 new; run it again" in result.stderr
    execute(home / "tokens.db", "drop trigger full")
    assert "1 new, 1 same" in run("import", "-", stdin=text).stdout


def test_a_grant_that_may_be_older_than_the_one_there_is_refused(
    run: Command, store: TokenStore
) -> None:
    there = store.save_token(user_token("alice"))
    record = {"user_name": "alice@example.com:60001", "refresh_token": "canary-other"}
    result = run("import", "-", stdin=given({**record, "client_id": "1000.APP"}))
    assert result.exit_code == 1
    assert "conflict" in result.stdout
    assert "nothing was imported" in result.stderr
    assert store.get_tokens() == [there]


def test_a_store_is_not_imported_into_itself(run: Command, store: TokenStore, home: Path) -> None:
    store.save_token(user_token("alice"))
    result = run("import", f"sqlite:///{home}/../home/tokens.db")
    assert result.exit_code == 2
    assert "same store" in result.stderr
    other = run("import", "sqlite:///nowhere.db")
    assert other.exit_code == 6


def test_no_secret_is_shown(run: Command, store: TokenStore, tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/other.db") as other:
        other.save_token(user_token("alice"))
        secrets = planted(other.iter_tokens()) | {"canary-password"}
    for source in (f"sqlite:///{tmp_path}/other.db", "mysqlx://u:canary-password@db.example.com/t"):
        for options in (["--dry-run"], ["--json"]):
            result = run("import", source, *options)
            assert not [secret for secret in secrets if secret in result.output]
        told = run.process("-v", "import", source)
        assert not [secret for secret in secrets if secret.encode() in told.stdout + told.stderr]
    assert len(store.get_tokens()) == 1
