"""Runs commands, in this process or in one of their own; and tokens to run them on."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
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


def on_a_terminal(*arguments: str, answers: Mapping[str, str] = {}) -> tuple[str, int]:
    """Run a command on a pseudo terminal; return what it shows, and its exit code.

    Args:
        answers: What to type, once its question is shown.
    """
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    left = dict(answers)
    shown = ""
    with subprocess.Popen(
        [sys.executable, "-m", "evergrant", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        # A command that waits for an answer which is not there must not wait for ever.
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        while chunk := _chunk_of(ours):
            shown += chunk.decode()
            for question in [question for question in left if question in shown]:
                os.write(ours, f"{left.pop(question)}\n".encode())
        watchdog.cancel()
    os.close(ours)
    return shown, process.returncode


def _chunk_of(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that nobody is at the other end any more
        return b""
