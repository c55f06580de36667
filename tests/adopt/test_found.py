"""Odd and broken input: told in one line each, passed over, and never shown."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evergrant.adopt import Found, find_tokens
from evergrant.adopt.fields import read_expiry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)
REFRESH = f"1000.{'a' * 32}.{'b' * 32}"
ACCESS = f"1000.{'c' * 32}.{'d' * 32}"


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def found_in(folder: Path) -> list[Found]:
    report = find_tokens(folder, clock=lambda: NOW)
    assert report.problems == []
    return report.grants


def record(**more: object) -> dict[str, object]:
    return {"access_token": ACCESS, "refresh_token": REFRESH, **more}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (LATER.timestamp(), LATER),
        (int(LATER.timestamp()), LATER),
        (str(int(LATER.timestamp())), LATER),
        (int(LATER.timestamp() * 1000), LATER),
        (str(int(LATER.timestamp() * 1000)), LATER),
        ("2026-03-01T12:30:00Z", LATER),
        ("2026-03-01T18:00:00+05:30", LATER),
        ("2026-03-01T12:30:00", None),
        ("2026-03-01 12:30:00.123456", None),
        (3600, None),
        ("3600", None),
        (True, None),
        (None, None),
        ("", None),
        ("soon", None),
        ([1], None),
        (float("nan"), None),
        (float("inf"), None),
        ("9" * 400, None),
        (10**400, None),
        (-1, None),
        ((NOW + timedelta(days=40)).timestamp(), None),
    ],
)
def test_an_expiry_is_sure_or_none(value: object, expected: datetime | None) -> None:
    assert read_expiry(value, NOW) == expected


@pytest.mark.parametrize(
    ("more", "is_kept"),
    [
        ({"expires_at": LATER.timestamp()}, True),
        ({"expiry_time": int(LATER.timestamp() * 1000)}, True),
        ({"expires_at": "2026-03-01T12:30:00"}, False),
        ({"expires_in": 3600}, False),
        ({"expires_in": 3600, "created_at": NOW.timestamp() - 60}, True),
        ({"expires_in": 3600, "created_at": "2026-03-01T12:00:00"}, False),
        ({}, False),
    ],
)
def test_an_access_token_of_unknown_age_is_left_out(
    tmp_path: Path, more: dict[str, object], *, is_kept: bool
) -> None:
    write(tmp_path, "zoho_tokens.json", record(**more))
    [found] = found_in(tmp_path)
    assert (found.token.access_token == ACCESS) is is_kept
    assert (found.token.expires_at is not None) is is_kept
    assert found.token.refresh_token == REFRESH


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"api_domain": "https://www.zohoapis.eu"}, "eu"),
        ({"api_domain": "https://sandbox.zohoapis.in"}, "in"),
        ({"accounts_url": "https://accounts.zohocloud.ca"}, "ca"),
        ({"accounts_server": "https://accounts.zoho.com.au"}, "au"),
        ({"token_url": "https://accounts.zoho.jp/oauth/v2/token"}, "jp"),
        ({"dc": "com"}, "us"),
        ({"dc": "US"}, "us"),
        ({"region": "com.cn"}, "cn"),
        ({"dc_region": "EU"}, "eu"),
        ({"base_url": "https://desk.zoho.in/api/v1"}, "in"),
        ({"api_domain": "https://www.zohoapis.eu", "dc": "com"}, "eu"),
        ({"api_domain": "https://www.zohoapis.com.evil.example"}, None),
        ({"api_domain": "https://www.zohoapis.com@evil.example"}, None),
        ({"dc": "moon"}, None),
        ({}, None),
    ],
)
def test_the_data_center_is_zohos_or_unknown(
    tmp_path: Path, values: dict[str, object], code: str | None
) -> None:
    write(tmp_path, "zoho.json", record(**values))
    [found] = found_in(tmp_path)
    assert found.data_center == code
    assert "evil" not in (found.token.api_domain or "")


def test_a_sandbox_org_stays_in_the_sandbox(tmp_path: Path) -> None:
    write(tmp_path, "zoho.json", record(api_domain="https://sandbox.zohoapis.eu"))
    [found] = found_in(tmp_path)
    assert found.token.api_domain == "https://sandbox.zohoapis.eu"


def test_a_client_in_a_configuration_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "config.toml", {"auth": {"client_id": "1000.CLIENT", "client_secret": "s"}})
    write(tmp_path, "tokens.json", record(dc="eu"))
    [found] = found_in(tmp_path)
    assert (found.token.client_id, found.token.client_secret) == ("1000.CLIENT", "s")


def test_two_clients_beside_it_are_not_guessed_between(tmp_path: Path) -> None:
    write(tmp_path, "a.env", "ZOHO_CLIENT_ID=1000.A\nZOHO_CLIENT_SECRET=s\n")
    write(tmp_path, "b.env", "ZOHO_CLIENT_ID=1000.B\nZOHO_CLIENT_SECRET=s\n")
    write(tmp_path, "zoho.json", record())
    [found] = found_in(tmp_path)
    assert "client" in found.needs


def test_one_grant_in_three_files_is_one(tmp_path: Path) -> None:
    write(tmp_path, ".env", f"ZOHO_REFRESH_TOKEN={REFRESH}\nZOHO_CLIENT_ID=1000.C\n")
    write(tmp_path, "zoho.json", record(api_domain="https://www.zohoapis.in"))
    write(tmp_path, "backup/zoho.json", record())
    [found] = found_in(tmp_path)
    assert len(found.sources) == 3
    assert (found.token.client_id, found.data_center) == ("1000.C", "in")


def test_variables_of_several_grants(tmp_path: Path) -> None:
    other = REFRESH.replace("a", "e")
    write(
        tmp_path,
        ".env",
        "ZOHO_CLIENT_ID=1000.C\nZOHO_CLIENT_SECRET='s'\nexport ZOHO_DC=eu # Europe\n"
        f'ZOHO_REFRESH_TOKEN="{REFRESH}"\nWORKDRIVE_REFRESH_TOKEN={other}\n'
        f"WORKDRIVE_CLIENT_ID=1000.W\nGOOGLE_REFRESH_TOKEN=ya29\n",
    )
    crm, drive = found_in(tmp_path)
    assert (crm.token.client_id, crm.data_center, crm.key) == ("1000.C", "eu", "zoho")
    assert (drive.token.client_id, drive.service, drive.key) == ("1000.W", "workdrive", "workdrive")
    assert drive.token.client_secret == "s"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".env.example", f"ZOHO_REFRESH_TOKEN={REFRESH}"),
        (".env", "ZOHO_REFRESH_TOKEN=your_refresh_token_here"),
        (".env", "ZOHO_REFRESH_TOKEN=<paste>\nZOHO_CLIENT_ID=xxxxxx"),
        (".env", "ZOHO_REFRESH_TOKEN="),
        (".env", "ZOHO_REFRESH_TOKEN=1000.xxx.xxx"),
        (".env", "ZOHO_REFRESH_TOKEN_URL=https://accounts.zoho.com/oauth/v2/token"),
        (".env", "ZOHO_REFRESH_TOKEN_FILE=/run/secrets/zoho"),
        (".env", "GOOGLE_REFRESH_TOKEN=1//abc"),
        ("token.json", {"access_token": "ya29.x", "refresh_token": "1//x", "scope": "email"}),
        ("data.json", "{ not json"),
        ("package.json", {"name": "zoho", "version": "1"}),
        ("zoho.json", []),
        ("zoho.json", "null"),
        ("node_modules/zoho.json", record()),
        (".git/zoho.json", record()),
    ],
)
def test_what_is_not_zohos_or_no_token(tmp_path: Path, name: str, content: object) -> None:
    write(tmp_path, name, content)
    assert found_in(tmp_path) == []


def test_a_client_id_with_three_x_is_no_placeholder(tmp_path: Path) -> None:
    client_id = "1000.ABCXXXD0EFGHIJKLMNOPQRSTUVWXYZ"
    write(tmp_path, ".env", f"ZOHO_REFRESH_TOKEN={REFRESH}\nZOHO_CLIENT_ID={client_id}\n")
    [found] = found_in(tmp_path)
    assert found.token.client_id == client_id


def test_a_virtual_environment_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "env/pyvenv.cfg", "home = /usr")
    write(tmp_path, "env/zoho.json", record())
    assert found_in(tmp_path) == []


def test_what_cannot_be_read_is_told_in_a_line_and_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "zoho_corrupt.json", f'{{"refresh_token": "{REFRESH}", ')
    write(tmp_path, "zoho_huge.json", "[" + " " * 6_000_000 + "]")
    write(tmp_path, "zoho_deep.json", "[" * 100_000)
    write(tmp_path, "zoho_sealed.json", {"name": "Zoho", "type": "zohoOAuth2Api", "data": "U2Fs"})
    write(tmp_path, "zoho\nforged: line.json", "{")
    write(tmp_path, "zoho.db", "no database")
    os.mkfifo(tmp_path / "zoho_fifo.json")
    (tmp_path / "zoho_link.json").symlink_to(tmp_path / "zoho_fifo.json")
    (tmp_path / "zoho_binary.json").write_bytes(b"\0\1\2")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    write(tmp_path, "zoho_good.json", record())
    try:
        report = find_tokens(tmp_path, clock=lambda: NOW)
    finally:
        locked.chmod(0o700)
    assert [found.source for found in report.grants] == ["zoho_good.json"]
    told = {line.split(":")[0]: line for line in report.problems}
    expected = {
        "zoho_corrupt.json", "zoho_huge.json", "zoho_deep.json", "zoho_sealed.json",
        "zoho\\nforged", "zoho.db", "zoho_fifo.json",
    }  # fmt: skip
    if os.geteuid():  # root reads every folder
        expected.add("locked")
    assert told.keys() == expected
    assert all("\n" not in line and REFRESH not in line for line in report.problems)


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    outside = write(tmp_path, "outside/zoho.json", record())
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "zoho.json").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    assert found_in(inside) == []


def test_a_literal_token_is_a_warning_without_the_token(tmp_path: Path) -> None:
    write(tmp_path, "app.py", f'import os\nTOKEN = "x"\nREFRESH_TOKEN = "{REFRESH}"\n')
    report = find_tokens(tmp_path, clock=lambda: NOW)
    [warning] = report.warnings
    assert warning.startswith("app.py:3: ")
    assert REFRESH not in warning + repr(report)
    [found] = report.grants
    assert found.shape == "source code"


@pytest.mark.parametrize(
    ("table", "columns", "row"),
    [
        ("zoho_tokens", "access_token, refresh_token, expires_at", (ACCESS, REFRESH, "2024-01-01")),
        ("crm_zohotoken", "refresh_token, access_token, user_id", (REFRESH, ACCESS, 7)),
        ("zoho", '"accessToken", "refreshToken"', (ACCESS, REFRESH)),
        ("clients", "name, client_id, refresh_token", ("acme", "1000.C", REFRESH)),
        ("tokens", "key, value, expires_at", ("k", json.dumps(record()), 0)),
    ],
)
def test_tables(tmp_path: Path, table: str, columns: str, row: tuple[object, ...]) -> None:
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        database.execute(f"CREATE TABLE {table} ({columns})")
        database.execute("CREATE TABLE users (name, token)")
        database.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
        database.commit()
    [found] = found_in(tmp_path)
    assert found.token.refresh_token == REFRESH
    assert found.source == f"db.sqlite3#{table}"


def test_no_secret_shows(tmp_path: Path) -> None:
    write(tmp_path, ".env", f"ZOHO_REFRESH_TOKEN={REFRESH}\nZOHO_CLIENT_SECRET=canary-secret\n")
    write(tmp_path, "sub/.env", "ZOHO_CLIENT_ID=1000.C\nZOHO_CLIENT_SECRET=canary-secret\n")
    report = find_tokens(tmp_path, clock=lambda: NOW)
    assert report.clients
    shown = repr(report) + str(report)
    assert REFRESH not in shown
    assert "canary" not in shown
