"""Whose a frame is: the package's, or the tests' own."""

from __future__ import annotations

from pathlib import Path

import evergrant

__all__ = ["PACKAGE", "is_the_tests_own"]

PACKAGE = str(Path(evergrant.__file__).parent)


def is_the_tests_own(filename: str) -> bool:
    return "/tests/" in filename or filename.startswith(f"{PACKAGE}/sandbox/")
