"""Small programs that keep Zoho's tokens themselves, each in a folder of its own."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from evergrant.adopt.environment import parse_compose, parse_env
from evergrant.sandbox import Sandbox
from evergrant.token import Secret, Token

PROGRAMS = Path(__file__).parent / "programs"

MAIN = {
    "module_variable": "app.py",
    "json_file": "app.py",
    "raw_answer": "zoho_client.py",
    "class_with_lock": "main.py",
    "books": "invoices.py",
    "desk": "desk.py",
    "sdk_csv": "report.py",
    "sqlite_table": "sync.py",
    "django_settings": "manage.py",
    "camel_case": "zoho.py",
}

SCOPES = {
    "books": "ZohoBooks.fullaccess.all,AaaServer.profile.READ",
    "desk": "Desk.tickets.READ,AaaServer.profile.READ",
}


class Program:
    """A copy of one of the programs, with a grant of the sandbox."""

    def __init__(self, name: str, folder: Path, zoho: Sandbox) -> None:
        self.name = name
        self.folder = folder
        self.token = _log_in(zoho, name)
        shutil.copytree(PROGRAMS / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for path in folder.rglob("*"):
            if path.is_file():
                path.write_text(_filled(path.read_text(), zoho, self.token))
        for script in folder.glob("*.sql"):
            with closing(sqlite3.connect(script.with_suffix(""))) as database:
                database.executescript(script.read_text())
            script.unlink()

    def environment(self) -> dict[str, str]:
        """Return what a shell or a container gives to the program."""
        found: dict[str, str] = {}
        for path in self.folder.iterdir():
            if ".env" in path.name:
                found |= parse_env(path.read_text())
            elif path.suffix == ".yml":
                found |= parse_compose(path.read_text())
        return {name: Secret(value).reveal() for name, value in found.items()}

    def start(self, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, MAIN[self.name]],
            cwd=self.folder,
            env={**os.environ, **self.environment(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def content(self) -> dict[str, bytes]:
        """Return all files with their content."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    def apply(self, diff: str) -> int:
        """Apply a diff to the files as `patch -p1` does; return how many lines it changes."""
        changed = 0
        for part in re.split(r"^(?=--- a/)", diff, flags=re.MULTILINE):
            if part.startswith("--- a/"):
                path = self.folder / part.splitlines()[0].removeprefix("--- a/")
                lines, count = _patched(path.read_text().splitlines(), part.splitlines()[2:])
                path.write_text("\n".join(lines) + "\n")
                changed += count
        return changed


def ended(process: subprocess.Popen[str]) -> str:
    """Return what a program printed."""
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    return out


def _log_in(zoho: Sandbox, name: str) -> Token:
    from evergrant import Accounts

    client = zoho.client
    known = zoho.data_centers
    code = zoho.grant_code("alice@example.com", *([SCOPES[name]] if name in SCOPES else []))
    with Accounts(
        client.client_id, client.client_secret, data_centers=known, clock=zoho.clock
    ) as accounts:
        return accounts.exchange(code)


def _filled(text: str, zoho: Sandbox, token: Token) -> str:
    home = zoho.data_centers.by_code("us")
    values = {
        "CLIENT_ID": zoho.client.client_id,
        "CLIENT_SECRET": zoho.client.client_secret,
        "REFRESH_TOKEN": token.refresh_token,
        "ACCESS_TOKEN": token.access_token,
        "ACCOUNTS_URL": home.accounts_url,
        "API_DOMAIN": home.api_url,
        "DESK_URL": home.product_url("desk"),
        "ORG_ID": zoho.user("alice@example.com").orgs[0].zgid,
        "EXPIRED_S": str(int(zoho.clock().timestamp()) - 86_400),
    }
    return re.sub(r"@([A-Z_]+)@", lambda found: str.__str__(values[found[1]] or ""), text)


def _patched(lines: list[str], hunks: list[str]) -> tuple[list[str], int]:
    result: list[str] = []
    at = changed = 0
    for line in hunks:
        if head := re.match(r"@@ -(\d+)(?:,(\d+))? ", line):
            begin = int(head[1]) - (head[2] != "0")
            result += lines[at:begin]
            at = begin
        elif line.startswith("+"):
            result.append(line[1:])
            changed += 1
        elif line.startswith(("-", " ")):
            assert lines[at] == line[1:]
            changed += line.startswith("-")
            result += [line[1:]] * line.startswith(" ")
            at += 1
    return result + lines[at:], changed
