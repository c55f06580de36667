"""Helpers for tests: the pytest plugin, and the contract suite that every token store passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evergrant.testing.contract import StoreContract

__all__ = ["StoreContract"]


def __getattr__(name: str) -> object:
    # Every pytest run imports this package for the plugin, so the suite is imported only when used.
    if name != "StoreContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from evergrant.testing.contract import StoreContract

    return StoreContract
