"""Helps for tests: the pytest plugin, and the suite that every token store passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evergrant.testing.contract import StoreContract

__all__ = ["StoreContract"]


def __getattr__(name: str) -> object:
    # Every pytest run imports this package, for the plugin: the suite loads when it is asked for.
    if name != "StoreContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from evergrant.testing.contract import StoreContract

    return StoreContract
