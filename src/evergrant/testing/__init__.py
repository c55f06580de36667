"""Helps for tests: the pytest plugin, and the suite that every token store passes."""

from __future__ import annotations

from evergrant.testing.contract import StoreContract

__all__ = ["StoreContract"]
