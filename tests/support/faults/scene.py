"""Where a process of the fault tests works: a store, a lifeboat, a Zoho, and a clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from evergrant import Accounts, DataCenter, DataCenters, Keeper, TokenStore, open_store
from evergrant._crypto.keys import Key, Keyring
from evergrant.clock import utc_now
from evergrant.errors import StoreUnavailable
from evergrant.events import Listener
from evergrant.sandbox import Sandbox
from evergrant.token import Secret
from tests.support.stores.encrypted_stores import key_that_is_set

__all__ = ["Scene"]


@dataclass(frozen=True)
class Scene:
    """What a process is told; travels there as a pickle.

    Attributes:
        store: Its URL.
        zoho: The address of the sandbox.
        ahead: Seconds that the process's clock is ahead of the real one.
        timeout: Seconds that Zoho may take to answer.
        patience: Seconds to go on trying to open a store that is not there.
        key: What the store is encrypted with.
    """

    store: str
    lifeboat: Path
    zoho: str
    client_id: str
    client_secret: str
    ahead: float = 0.0
    timeout: float = 10.0
    patience: float = 0.0
    key: Secret | None = None

    @classmethod
    def at(cls, zoho: Sandbox, store: str, lifeboat: Path) -> Scene:
        """Return the scene of a process with the right time."""
        client = zoho.client
        return cls(
            store, lifeboat, zoho.url, client.client_id, client.client_secret, key=key_that_is_set()
        )

    def clock(self) -> datetime:
        """Tell the time as the process sees it."""
        return utc_now() + timedelta(seconds=self.ahead)

    def open(self) -> TokenStore:
        """Open the store."""
        give_up = time.monotonic() + self.patience
        # The processes are forked from one that began before the key was set.
        keys = Keyring([Key(self.key)]) if self.key else None
        while True:
            try:
                return open_store(self.store, clock=self.clock, keys=keys)
            except StoreUnavailable:
                if time.monotonic() > give_up:
                    raise
            time.sleep(0.02)

    @contextmanager
    def accounts(self) -> Iterator[Accounts]:
        """Go to Zoho."""
        known = DataCenters(DataCenter.custom(self.zoho, self.zoho, code="us"))
        with Accounts(
            self.client_id,
            self.client_secret,
            data_centers=known,
            clock=self.clock,
            timeout=self.timeout,
        ) as accounts:
            yield accounts

    @contextmanager
    def keeper(self, on_event: Listener | None = None) -> Iterator[Keeper]:
        """Make a Keeper, as a process of its own has it."""
        with (
            self.open() as store,
            self.accounts() as accounts,
            Keeper(store, accounts, on_event=on_event, lifeboat=self.lifeboat) as keeper,
        ):
            yield keeper
