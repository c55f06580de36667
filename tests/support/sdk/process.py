"""Processes that use Zoho's own SDK, each version in its virtual environment."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox

__all__ = ["NEWER", "OLDER", "Refused", "SdkHost", "SdkProcess", "grant_of", "name_of"]

NEWER = ("8_0", "7_0", "6_0", "5_0")
"""Their stores have six methods; import package ``zohocrmsdk``."""

OLDER = ("2_1", "2_0")
"""Their stores have other methods; import package ``zcrmsdk``."""

PROGRAM = Path(__file__).with_name("host.py")
LIMIT = 60.0  # seconds until a step that hangs ends the test


class Refused(Exception):  # noqa: N818 - it says what happened
    """A step raised.

    Attributes:
        kinds: The name of the exception's class, and those of its causes.
    """

    def __init__(self, kinds: list[str], text: str) -> None:
        super().__init__(f"{' <- '.join(kinds)}: {text}")
        self.kinds = kinds


def name_of(zoho: Sandbox, email: str) -> str:
    """Return how the SDK names a user of the sandbox."""
    return f"{email}:{zoho.user(email).orgs[0].zgid}"


def grant_of(zoho: Sandbox, email: str) -> dict[str, str]:
    """Return a grant token as a program hands it to the SDK."""
    return {
        "client_id": zoho.client.client_id,
        "client_secret": zoho.client.client_secret,
        "grant_token": zoho.grant_code(email),
        "redirect_url": "https://app.example.com/callback",
    }


class SdkProcess:
    """A process of its own with the SDK: ``process(step, …)`` runs a step of its session.

    Its clocks are as far ahead as the sandbox's is at the beginning of each step.
    """

    def __init__(self, version: str, line: socket.socket, errors: Path, zoho: Sandbox) -> None:
        self.version = version
        self._line = line
        self._stream = line.makefile("rw")
        self._errors = errors
        self._zoho = zoho
        self.pid = int(self._stream.readline())

    def __call__(self, step: str, **arguments: Any) -> Any:
        """Run a step and return its answer.

        Raises:
            Refused: It raised.
        """
        self.begin(step, **arguments)
        return self.end()

    def outcome(self, step: str, **arguments: Any) -> Any:
        """Return what a step answers, or the classes of the errors that it raises."""
        try:
            return self(step, **arguments)
        except Refused as refused:
            return refused.kinds

    def log_in(self, email: str, **token: Any) -> None:
        """Let a user log in: initialise the SDK with a new grant of theirs."""
        if self.version in OLDER:
            token["user"] = email
        elif self.version == "5_0":  # the later ones ask Zoho whose a grant is
            token["user_name"] = name_of(self._zoho, email)
        self("initialize", **grant_of(self._zoho, email), **token)

    def begin(self, step: str, **arguments: Any) -> None:
        """Let a step begin."""
        ahead = (self._zoho.clock.now() - utc_now()).total_seconds()
        self._stream.write(json.dumps([step, arguments, ahead]) + "\n")
        self._stream.flush()

    def end(self) -> Any:
        """Return the answer of the step that was begun."""
        line = self._stream.readline()
        if not line:
            pytest.fail(f"the process died; it wrote:\n{self.written}")
        answer = json.loads(line)
        if "raised" in answer:
            raise Refused(answer["raised"], answer["text"])
        return answer["value"]

    def dies(self, step: str, **arguments: Any) -> bool:
        """Return True if a step is the end of the process."""
        self.begin(step, **arguments)
        return not self._stream.readline()

    @property
    def written(self) -> str:
        """What it wrote to stdout and stderr."""
        return self._errors.read_text()

    def stop(self) -> None:
        """Let it end; a step that is running is finished first."""
        self._stream.close()
        self._line.close()

    def kill(self) -> None:
        """End it on the spot."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()


class SdkHost:
    """Starts processes with one version of the SDK.

    Args:
        version: As in the package's name: ``8_0``.
        output: The file that it writes to before there is a session.
    """

    def __init__(self, version: str, output: Path) -> None:
        pythons = os.environ.get("EVERGRANT_SDK_PYTHONS")
        if not pythons:
            pytest.fail(
                "EVERGRANT_SDK_PYTHONS must name the Pythons that have Zoho's SDKs; "
                "./dev test sets them up"
            )
        self._version = version
        self._output = output
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, output.open("w") as file:
            self._process = subprocess.Popen(
                [json.loads(pythons)[version], "-I", PROGRAM, version, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdout=file,
                stderr=file,
            )

    def start(self, folder: Path, zoho: Sandbox) -> SdkProcess:
        """Start a process in a working directory: the SDK leaves files there."""
        ours, theirs = socket.socketpair()
        ours.settimeout(LIMIT)
        number = len(list(folder.glob("output-*.txt")))
        errors = folder / f"output-{number}.txt"
        environment = {**os.environ, "NO_PROXY": "*"}
        message = json.dumps({"folder": str(folder), "environment": environment}).encode()
        try:
            with theirs, errors.open("w") as output:
                socket.send_fds(self._control, [message], [theirs.fileno(), output.fileno()])
            return SdkProcess(self._version, ours, errors, zoho)
        except (OSError, ValueError):
            ours.close()
            pytest.fail(f"the SDK cannot be started:\n{self._output.read_text()}")

    def stop(self) -> None:
        """Let it end."""
        self._control.close()
        self._process.wait(LIMIT)
