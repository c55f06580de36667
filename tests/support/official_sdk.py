"""Zoho's own Python SDK in a process of its own, which no test shares its imports with."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

LIMIT = 60  # seconds until a hanging SDK is ended
SCRIPTS = Path(__file__).parents[1] / "zohocrmsdk"


class OfficialSdk:
    """A process with Zoho's SDK 8.0 that does what a script can; secrets go to it by stdin only."""

    def __init__(self, folder: Path, script: str) -> None:
        python = os.environ.get("EVERGRANT_SDK_PYTHON")
        if not python:
            pytest.fail(
                "EVERGRANT_SDK_PYTHON must name the Python of a virtual environment that has "
                "the package zohocrmsdk8_0; ./dev test sets it up"
            )
        self._errors = (folder / "stderr.txt").open("w+")
        self._process = subprocess.Popen(
            [python, "-I", str(SCRIPTS / script)],
            cwd=folder,
            env={**os.environ, "NO_PROXY": "*"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def __call__(self, step: str, **arguments: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([step, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            pytest.fail(f"the SDK died in {step!r}:\n{self._errors.read()}")
        return json.loads(line)

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=LIMIT)
        self._errors.close()
