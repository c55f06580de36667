"""Mutants that no test can notice, each with the reason: file, line, operator."""

from __future__ import annotations

__all__ = ["EQUIVALENT"]

EQUIVALENT: dict[tuple[str, str, str], str] = {}
