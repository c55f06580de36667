"""Runs commands, in this process or in one of their own; and tokens to run them on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Protocol

from typer.testing import CliRunner

from evergrant.cli.app import app
from evergrant.token import Token

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.eu"


class Result(Protocol):
    """What a command left behind."""

    exit_code: int

    @property
    def stdout(self) -> str: ...

    @property
    def stderr(self) -> str: ...

    @property
    def output(self) -> str: ...


class Command:
    """``evergrant``, in this process or in one of its own."""

    def __call__(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=stdin, catch_exceptions=False)

    def process(
        self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "evergrant", *arguments],
            input=stdin,
            capture_output=True,
            env={**os.environ, **environment},
            timeout=60,
            check=False,
        )


class LogIn(Protocol):
    def __call__(self, *users: str) -> None: ...


def a_token(**fields: object) -> Token:
    given = {"user_name": f"{ALICE}:1", "client_id": "1000.A", "access_token": "canary-access"}
    return Token(**{**given, **fields})  # type: ignore[arg-type]
