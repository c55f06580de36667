"""Zoho's own DBStore on a database of the tests, in a process that has Zoho's SDK."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

from sqlalchemy.engine import make_url

SCRIPT = Path(__file__).with_name("official_db_store.py")


class OfficialStore:
    """A process with the store of the official SDK 8.0."""

    def __init__(self, url: str, table: str = "oauthtoken") -> None:
        python = os.environ.get("EVERGRANT_SDK_PYTHON")
        if not python:
            raise RuntimeError("EVERGRANT_SDK_PYTHON is not set; ./dev sets up what it names")
        where = make_url(url)
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [python, "-I", str(SCRIPT)],
            cwd=self._folder.name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(
            {
                "host": where.host,
                "port_number": str(where.port),
                "user_name": where.username,
                "password": where.password,
                "database_name": where.database,
                "table_name": table,
            }
        )

    def _send(self, message: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def __call__(self, step: str, argument: object = None) -> Any:
        assert self._process.stdout
        self._send([step, argument])
        line = self._process.stdout.readline()
        assert line, f"the official store died in {step}"
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()
