"""Stores that are encrypted, in this process and in those that it starts."""

from __future__ import annotations

import os
from base64 import b64encode

import pytest

from evergrant.token import Secret

__all__ = ["SEALED", "key_that_is_set", "unsealed"]

SEALED = "sealed "
"""How a kind of store, or its URL, begins in a test's parameter to be encrypted."""

_KEY = "EVERGRANT_KEY"


def unsealed(wanted: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return which store a parameter means; set a new key where that is to be encrypted."""
    if wanted.startswith(SEALED):
        monkeypatch.setenv(_KEY, b64encode(os.urandom(32)).decode())
    return wanted.removeprefix(SEALED)


def key_that_is_set() -> Secret | None:
    """Return what stores are encrypted with at present."""
    key = os.environ.get(_KEY)
    return Secret(key) if key else None
