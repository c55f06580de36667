"""Waits for the end of what goes on in the background."""

from __future__ import annotations

from evergrant._core.manager import TokenManager
from tests.support.waiting import until

__all__ = ["until_idle"]


def until_idle(*managers: TokenManager) -> None:
    """Return once these refresh nothing in the background."""
    until(lambda: all(manager.is_idle for manager in managers), pause=0.0005)
