"""The student portal of the examples, served in the environment of the official SDK."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox

ROOT = Path(__file__).parents[3]
SERVE = Path(__file__).with_name("serve_portal.py")


def sdk_python() -> str:
    python = os.environ.get("EVERGRANT_SDK_PYTHON")
    if not python:
        pytest.fail("EVERGRANT_SDK_PYTHON must name a Python with the SDK; ./dev test sets it up")
    return python


class Portal:
    """A portal at an address that stays the same, however often its server is restarted."""

    def __init__(self, zoho: Sandbox, home: Path, **settings: str) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.home = home
        self._log = home.with_name("portal.log").open("a+")
        self._settings = {
            "PORTAL_URL": self.url,
            "PORTAL_HOME": str(home),
            "PORTAL_SANDBOX": zoho.url,
            "EVERGRANT_HOME": str(home / "lifeboat"),
            "PYTHONPATH": str(ROOT / "examples"),
            **settings,
        }
        self.start()

    def start(self) -> None:
        fd = self._listener.fileno()
        self._process = subprocess.Popen(
            [sdk_python(), str(SERVE), str(fd)],
            env={**os.environ, **self._settings},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[fd],
        )

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self.stop()
        self._listener.close()
        self._log.close()

    def log(self) -> str:
        return Path(self._log.name).read_text()


@contextmanager
def served(zoho: Sandbox, folder: Path, **settings: str) -> Iterator[Portal]:
    portal = Portal(zoho, folder / "portal", **settings)
    try:
        yield portal
    finally:
        sys.stdout.write(portal.log())  # pytest shows it where the test fails
        portal.close()
