"""Stores of your own: `adapt` makes a `TokenStore` of an object with just the six methods."""

from __future__ import annotations

from evergrant.stores.adapter.adaptation import SIX_METHODS, adapt
from evergrant.stores.adapter.six_methods import SixMethods

__all__ = ["SIX_METHODS", "SixMethods", "adapt"]
