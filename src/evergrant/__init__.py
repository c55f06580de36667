"""Log in to Zoho once; stay logged in, on any storage, from every thread, process and host.

Names load when they are first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evergrant._oauth.client import Client
    from evergrant._oauth.identity import IDENTITY_SCOPES
    from evergrant.accounts import Accounts
    from evergrant.datacenter import ZOHO, DataCenter, DataCenters
    from evergrant.errors import EvergrantError
    from evergrant.keeper import Keeper
    from evergrant.policy import Policy
    from evergrant.stores import open_store
    from evergrant.stores.base import TokenStore
    from evergrant.token import Freshness, Secret, Token

__all__ = [
    "IDENTITY_SCOPES",
    "ZOHO",
    "Accounts",
    "Client",
    "DataCenter",
    "DataCenters",
    "EvergrantError",
    "Freshness",
    "Keeper",
    "Policy",
    "Secret",
    "Token",
    "TokenStore",
    "open_store",
]

_HOMES = {
    "IDENTITY_SCOPES": "_oauth.identity",
    "ZOHO": "datacenter",
    "Accounts": "accounts",
    "Client": "_oauth.client",
    "DataCenter": "datacenter",
    "DataCenters": "datacenter",
    "EvergrantError": "errors",
    "Freshness": "token",
    "Keeper": "keeper",
    "Policy": "policy",
    "Secret": "token",
    "Token": "token",
    "TokenStore": "stores.base",
    "open_store": "stores",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
