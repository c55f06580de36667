"""Keeps one version of Zoho's SDK imported, and gives birth to a process for each session with it.

Runs in a virtual environment that has the SDK. Importing that takes most of a second and a fork
none, so that tests can have as many processes as the story they tell has.

    host.py VERSION CONTROL_FD
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import traceback
from datetime import UTC, datetime, tzinfo
from importlib import import_module
from pathlib import Path
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).parents[3]))  # where the package of the tests is

MESSAGE = 1 << 16
FDS = 2

DRIVERS = ("evergrant.stores.sql", "pymysql", "psycopg")
"""What a SQL store would import in each process anew."""


class Time:
    """Lets this process's clocks, the SDK's and evergrant's, be ahead as the sandbox's is."""

    ahead = 0.0
    real = staticmethod(time.time)

    @classmethod
    def install(cls) -> None:
        """Let everybody in this process ask here."""
        import evergrant.clock

        class Now(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return cls.fromtimestamp(time.time(), tz or UTC)

        time.time = lambda: cls.real() + cls.ahead
        setattr(evergrant.clock, "datetime", Now)  # noqa: B010 - for mypy a class is no variable


def converse(stream: Any, session: Any) -> None:
    """Do what the tests ask, line by line, until they hang up."""
    for line in stream:
        step, arguments, Time.ahead = json.loads(line)
        try:
            answer = {"value": getattr(session, step)(**arguments)}
        except Exception as error:  # noqa: BLE001 - what the SDK raises is what is tested
            traceback.print_exc()
            answer = {"raised": session.kinds(error), "text": str(error)}
        stream.write(json.dumps(answer, default=session.plain) + "\n")
        stream.flush()


def be_born(wanted: dict[str, Any], session: Any, line: int, errors: int) -> None:
    """Be a process of its own, as one that a person started."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for output in (1, 2):
        os.dup2(errors, output)
    os.chdir(wanted["folder"])
    os.umask(0o022)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    with socket.socket(fileno=line) as connection, connection.makefile("rw") as stream:
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        converse(stream, session)


def main(version: str, control: socket.socket) -> None:
    """Fork whenever the tests ask for it."""
    age = "v2" if version.startswith("2_") else "v5"
    module = import_module(f"tests.support.sdk.session_{age}")
    for used in (f"evergrant.zohocrmsdk.store_{age}", "httpx2", *DRIVERS):
        import_module(used)
    Time.install()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    while True:
        message, fds, _, _ = socket.recv_fds(control, MESSAGE, FDS)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            try:
                be_born(json.loads(message), module.Session(version), *fds)
            finally:
                sys.stdout.flush()
                os._exit(0)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    main(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
