"""The command ``evergrant``: log in, list, call an API, revoke, diagnose."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from pathlib import Path

from evergrant.cli.exit_codes import ExitCode
from evergrant.errors import MissingExtra

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave with its exit code."""
    if not all(importlib.util.find_spec(name) for name in ("typer", "rich")):
        sys.stderr.write(f"evergrant: {MissingExtra('the command line', extra='cli')}\n")
        sys.exit(ExitCode.USAGE)
    if sys.stdin is None:  # closed by the parent process: questions then get no answer
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - until we end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a name in another script must not break a listing
    from evergrant.cli.app import app

    app(prog_name="evergrant")
