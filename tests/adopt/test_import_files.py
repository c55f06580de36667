"""`evergrant import` of files in other shapes, and of tables with other columns."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.adopt.grants import LogIn, plain, refreshes, stored, write
from tests.support.cli.runner import Command


def test_import_recognises_a_file(
    tmp_path: Path, project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    token = log_in()
    write(project / "mine.json", token)
    dry = run("import", str(project / "mine.json"), "--dry-run", f"--sandbox={zoho.url}")
    assert dry.exit_code == 0, dry.output
    assert refreshes(zoho) == []
    for outcome in ("new", "same"):
        result = run("import", str(project / "mine.json"), f"--sandbox={zoho.url}")
        assert result.exit_code == 0, result.output
        assert f"1 {outcome}" in result.stdout
    assert len(refreshes(zoho)) == 1
    [kept] = stored(tmp_path).values()
    assert kept.refresh_token == token.refresh_token
    assert kept.user_name


def test_import_of_a_file_without_tokens(project: Path, run: Command, zoho: Sandbox) -> None:
    (project / "zoho.json").write_text("{}")
    result = run("import", str(project / "zoho.json"), f"--sandbox={zoho.url}")
    assert result.exit_code == 2
    assert "no Zoho token was found" in result.stderr


@pytest.fixture
def foreign(project: Path, zoho: Sandbox, log_in: LogIn) -> str:
    """The URL of a table with other columns, and of two users."""
    with closing(sqlite3.connect(project / "app.db")) as database:
        database.execute('CREATE TABLE "my creds" (who, "ref""resh", tok, cid, cs)')
        for user in ("alice@example.com", "bob@example.com"):
            token = log_in(user)
            row = (user, token.refresh_token, "x", token.client_id, token.client_secret)
            database.execute('INSERT INTO "my creds" VALUES (?,?,?,?,?)', list(map(plain, row)))
        database.commit()
    return f"sqlite:///{project}/app.db?table=my%20creds&map="


def test_import_takes_the_columns_of_a_foreign_table(
    tmp_path: Path, run: Command, zoho: Sandbox, foreign: str
) -> None:
    columns = 'refresh_token:ref"resh,access_token:tok,client_id:cid,client_secret:cs,owner:who'
    result = run("import", f"{foreign}{columns}", f"--sandbox={zoho.url}")
    assert result.exit_code == 0, result.output
    assert [str(name).partition(":")[0] for name in stored(tmp_path)] == [
        "alice@example.com",
        "bob@example.com",
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("", "names no column with the refresh token"),
        ("access_token:tok", "names no column with the refresh token"),
        ("refresh_token", "is not FIELD:COLUMN"),
        ("colour:tok,refresh_token:tok", "is not FIELD:COLUMN"),
        ("refresh_token:missing", "has no column 'missing'"),
        ("refresh_token:tok&table=none", "there is no table 'none'"),
    ],
)
def test_a_map_that_cannot_be(
    run: Command, zoho: Sandbox, foreign: str, columns: str, message: str
) -> None:
    result = run("import", f"{foreign}{columns}", f"--sandbox={zoho.url}")
    assert result.exit_code == 2
    assert message in result.stderr
