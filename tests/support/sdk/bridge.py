"""Whom the bridge's tests ask for, and how."""

from __future__ import annotations

from typing import Protocol

from evergrant import Token

__all__ = ["ALICE", "BOB", "CAROL", "Asked"]

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.eu"


class Asked(Protocol):
    """Makes what a program puts into an SDK's token: its client, and what it knows."""

    def __call__(self, **fields: str | None) -> Token: ...
