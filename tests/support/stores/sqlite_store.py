"""What the tests of the SQLite store share."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import seed_store
from evergrant.stores.rows import OFFICIAL_COLUMNS

SOMEBODY_ELSE = 65534
GARBAGE = b"this is somebody's diary, not a database\n" * 100


SeedStore: Any = seed_store.SeedStore


def seed_token(who: str, **changes: str | None) -> dict[str, str | None]:
    """Return a whole token as the seed's store takes it."""
    token: dict[str, str | None] = {
        "user_name": f"{who}@example.com:60001",
        "client_id": "1000.APP",
        "client_secret": "planted-secret",
        "refresh_token": f"planted-refresh-{who}",
        "access_token": f"planted-access-{who}",
        "expiry_time": "1893499200000",
        "redirect_url": "https://app.example.com/callback",
        "api_domain": "https://www.zohoapis.eu",
    }
    return token | changes


def execute(path: Path, *statements: str) -> list[Any]:
    """Run statements as another program would; return the rows of the last one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


def mode(path: Path | str) -> int:
    return Path(path).stat().st_mode & 0o777


@contextmanager
def unprivileged() -> Iterator[Path]:
    """Act as a user whom file modes bind, in a folder of theirs; root is bound by none."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.getuid() == 0
    if is_root:
        os.chown(folder, SOMEBODY_ELSE, SOMEBODY_ELSE)
        os.setresuid(SOMEBODY_ELSE, SOMEBODY_ELSE, 0)
    try:
        yield folder
    finally:
        if is_root:
            os.setresuid(0, 0, 0)
        for name in (folder, *folder.rglob("*")):
            if name.is_dir():
                name.chmod(0o700)
        shutil.rmtree(folder)


PRELUDE = """
import os, sys
from evergrant.stores import open_store
from evergrant.stores.sqlite import SQLiteStore
from evergrant.token import Token

def grant(who):
    return Token(user_name=who, client_id="c", refresh_token=f"r-{who}", access_token=f"a-{who}")
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program, after `PRELUDE`, in a process of its own, with pipes to it."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a program that must succeed; return what it wrote."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def finish_together(processes: list[subprocess.Popen[str]]) -> None:
    """Let programs begin that have said that they are ready; wait until all have succeeded."""
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        finish(process)


CREATE_VIEW = "CREATE VIEW oauthtoken AS SELECT " + ", ".join(
    f"'x' AS {column}" for column in OFFICIAL_COLUMNS
)
