"""Runs a program for as long as somebody holds the other end of our standard input.

However the tests end, killed ones included, their end of the pipe closes: the program is ended
and its folder removed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from typing import Any

NOBODY = 65534
"""Database servers refuse to run as root."""


def identity() -> dict[str, Any]:
    """Return who a server is to run as, as arguments of `subprocess.Popen`."""
    return {} if os.geteuid() else {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def main(folder: str, end_by: str, *command: str) -> int:
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, **identity())
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    nobody_is_there = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        nobody_is_there.set()
        child.send_signal(int(end_by))

    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    if nobody_is_there.is_set():
        shutil.rmtree(folder)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
