"""Zoho's own Python SDK on evergrant: ``Initializer.initialize(..., store=token_store(url))``.

Works with the SDKs 5.0 to 8.0 (import package ``zohocrmsdk``), and with 2.0 and 2.1
(``zcrmsdk``). Names are imported at first use: the SDK takes half a second to import.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evergrant.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from evergrant.clock import Clock
    from evergrant.datacenter import DataCenters
    from evergrant.events import Listener
    from evergrant.policy import Policy
    from evergrant.stores.adapter import SixMethods
    from evergrant.stores.base import TokenStore
    from evergrant.zohocrmsdk.oauth_token import OAuthToken
    from evergrant.zohocrmsdk.store_v5 import (
        CustomStoreInMemory,
        CustomStoreList,
        CustomStoreSQLite,
    )
    from evergrant.zohocrmsdk.user_context import NoUser, acting_as

__all__ = [
    "CustomStoreInMemory",
    "CustomStoreList",
    "CustomStoreSQLite",
    "NoUser",
    "OAuthToken",
    "acting_as",
    "token_store",
]

_MODULES = {
    "CustomStoreInMemory": "store_v5",
    "CustomStoreList": "store_v5",
    "CustomStoreSQLite": "store_v5",
    "NoUser": "user_context",
    "OAuthToken": "oauth_token",
    "acting_as": "user_context",
}


def token_store(
    url_or_store: str | TokenStore | SixMethods,
    *,
    data_centers: DataCenters | None = None,
    clock: Clock | None = None,
    on_event: Listener | None = None,
    lifeboat: Path | None = None,
    policy: Policy | None = None,
) -> Any:
    """Return a store for the ``Initializer`` of the installed SDK.

    Args:
        url_or_store: A store's URL, as for `evergrant.open_store`, or an open store. Your own
            store with just the six methods is accepted.
        data_centers: The hosts that secrets may be sent to, beside the SDK's own environment.
            Default: Zoho's.
        clock: Returns the current time.
        on_event: Called with each `evergrant.events.Event`, such as the `SaveFailed` that the
            SDK itself would swallow.
        lifeboat: The folder for tokens that could not be saved. Default: the configuration
            folder.
        policy: How long logins last, how many there may be, and which scopes they may have.

    Raises:
        MissingExtra: None of Zoho's SDKs is installed.
        ConfigError: The URL is malformed, or the store is one of Zoho's SDK, which holds the
            SDK's own tokens.
        StoreUnavailable: The storage cannot be used.
    """
    from evergrant.clock import utc_now
    from evergrant.datacenter import ZOHO
    from evergrant.policy import NO_POLICY
    from evergrant.stores import open_store
    from evergrant.stores.adapter import adapt
    from evergrant.zohocrmsdk.bridge import SDKBridge

    kind = _store_class()
    if isinstance(url_or_store, kind.__base__):
        raise ConfigError(
            f"{type(url_or_store).__name__} is a store of Zoho's SDK",
            hint="Open its file or table by its URL: file:///…, sqlite:///…, mysql+pymysql://….",
        )
    store = open_store(url_or_store) if isinstance(url_or_store, str) else adapt(url_or_store)
    bridge = SDKBridge(
        store,
        data_centers=data_centers or ZOHO,
        clock=clock or utc_now,
        on_event=on_event,
        lifeboat=lifeboat,
        policy=policy or NO_POLICY,
    )
    return kind(bridge)


def _store_class() -> Any:
    if find_spec("zohocrmsdk"):
        return import_module(f"{__name__}.store_v5").SDKTokenStore
    if find_spec("zcrmsdk"):
        return import_module(f"{__name__}.store_v2").OlderSDKTokenStore
    raise MissingExtra("Zoho's SDK", extra="sdk")


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not find_spec("zohocrmsdk"):
        raise MissingExtra(f"{name} of evergrant.zohocrmsdk", extra="sdk")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
