"""Real servers on free ports and in temporary folders, for one test run.

Each worker starts its own when a test first asks for it, and they end with it. What they write is
made durable only where a test is about that.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import exc

from tests.support.servers import certificates, stop_with_parent
from tests.support.servers.ports import free_port

__all__ = ["Server", "program"]

PATIENCE = 90.0
"""Seconds that a server may take to start on a busy machine."""


class Server:
    """A server of the tests' own.

    Args:
        durable: Let it make sure of what it writes, as a server does that is not a test's.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        certificate: The certificate that it shows, signed by itself.
    """

    end_by: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self.folder = Path(tempfile.mkdtemp(prefix="evergrant-"))
        self.data = self.folder / "data"
        self.certificate = certificates.write(self.folder)
        for file in (self.folder, *self.folder.iterdir()):
            self._hand_over(file)
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self._pid = 0
        try:
            self._install()
            self.start()
        except BaseException:
            self.close()
            raise

    def _hand_over(self, file: Path) -> None:
        if owner := stop_with_parent.identity():
            os.chown(file, owner["user"], owner["group"])

    def _install(self) -> None:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def ping(self) -> None:
        """Ask whether it is there.

        Raises:
            OperationalError: It is not, yet.
        """
        raise NotImplementedError

    def _end_own_session(self) -> None:
        """End what the server itself would wait for, or miss."""

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **stop_with_parent.identity(),
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def start(self) -> None:
        """Start the server, and return when it answers."""
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    stop_with_parent.__file__,
                    str(self.folder),
                    str(int(self.end_by)),
                    *self._command(),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout
        self._pid = int(self._process.stdout.readline())
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                self.ping()
            except exc.OperationalError:
                if time.monotonic() > give_up or self._process.poll() is not None:
                    pytest.fail(f"no server:\n{(self.folder / 'log').read_text()}")
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End the server at once, as a crash does; its data stay."""
        self._end(lambda: os.kill(self._pid, self.end_by))

    def kill(self) -> None:
        """Kill all processes of the server."""

        def kill_all() -> None:
            os.kill(self._pid, signal.SIGSTOP)  # it would begin new ones
            self._signal(signal.SIGKILL)

        self._end(kill_all)

    def freeze(self) -> None:
        """Let the server answer nothing any more, as a host does that is cut off."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text()
        for pid in [self._pid, *map(int, children.split())]:
            os.kill(pid, number)

    def _end(self, end: Callable[[], None]) -> None:
        if self._process is None:
            return
        self._end_own_session()
        end()
        self._process.wait(PATIENCE)
        self._close_pipes(self._process)
        self._process = None

    def restart(self) -> None:
        """End the server at once, and start it again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server and remove all of it."""
        self._end_own_session()
        if self._process is None:
            shutil.rmtree(self.folder)
            return
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._close_pipes(self._process)

    @staticmethod
    def _close_pipes(process: subprocess.Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        process.stdout.close()


def program(name: str) -> str:
    """Return where a program is; Debian keeps some outside of PATH.

    A test that needs one which is not there is skipped, and under CI that is a failure.
    """
    places = [os.environ.get("PATH", ""), "/usr/sbin"]
    places += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found
