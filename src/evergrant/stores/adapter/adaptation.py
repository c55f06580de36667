"""`adapt`: lets a store of your own with just the six methods be used as a `TokenStore`."""

from __future__ import annotations

import inspect
import weakref

from evergrant._fork import ProcessLock
from evergrant.errors import ConfigError
from evergrant.stores.adapter.six_methods import SixMethods, SixMethodStore
from evergrant.stores.base import TokenStore

__all__ = ["SIX_METHODS", "SixMethods", "adapt"]

SIX_METHODS = (
    "find_token",
    "save_token",
    "delete_token",
    "get_tokens",
    "delete_tokens",
    "find_token_by_id",
)

_adapted: weakref.WeakValueDictionary[int, SixMethodStore] = weakref.WeakValueDictionary()
_adapting = ProcessLock()


def adapt(store: TokenStore | SixMethods) -> TokenStore:
    """Return a store that a `Keeper` can work with: a `TokenStore` as it is, others adapted.

    Each object is adapted once, so that all its keepers share its leases.

    Raises:
        ConfigError: The object lacks one of the six methods.
    """
    if isinstance(store, TokenStore):
        return store
    _refuse_unfit(store)
    with _adapting.get():
        known = _adapted.get(id(store))
        if known is None:
            known = _adapted[id(store)] = SixMethodStore(store)
        return known


def _refuse_unfit(store: object) -> None:
    kind = type(store).__name__
    if isinstance(store, type):
        raise ConfigError(f"{store.__name__} is a class, not a store", hint="Pass an instance.")
    missing = [name for name in SIX_METHODS if not callable(getattr(store, name, None))]
    if missing:
        raise ConfigError(
            f"this {kind} is no token store: it has no {', '.join(missing)}",
            hint="Add what is missing; a URL is opened by evergrant.open_store.",
        )
    slow = [name for name in SIX_METHODS if inspect.iscoroutinefunction(getattr(store, name))]
    if slow:
        raise ConfigError(
            f"{', '.join(slow)} of this {kind} must be awaited",
            hint="Give it plain methods; evergrant calls them from threads.",
        )
