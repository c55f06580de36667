"""The sandbox of a test, with a client that is ready for it: what `zoho_sandbox` returns."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from evergrant._files.locations import scratch_folder
from evergrant._oauth.identity import add_identity_scopes
from evergrant.accounts import Accounts
from evergrant.keeper import Keeper
from evergrant.sandbox import DEFAULT_SCOPES, Sandbox
from evergrant.stores import open_store
from evergrant.stores.adapter import SixMethods
from evergrant.stores.base import TokenStore

__all__ = ["LocalSandbox"]

REDIRECT_URL = "http://127.0.0.1/callback"
"""Registered for the sandbox's own client."""


class LocalSandbox(Sandbox):
    """A `Sandbox` that also makes the accounts and the Keeper that a test needs.

    What it makes uses the sandbox's client and clock, and is closed when the sandbox stops.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._made = ExitStack()

    def accounts(
        self, *, redirect_url: str | None = REDIRECT_URL, data_center: str | None = None
    ) -> Accounts:
        """Return the sandbox's accounts servers, as its own client sees them.

        Args:
            data_center: Where logins begin; by default in the first data center.
        """
        client = self.client
        made = Accounts(
            client.client_id,
            client.client_secret,
            redirect_url=redirect_url,
            data_center=data_center,
            client_secrets=client.secrets,
            data_centers=self.data_centers,
            clock=self.clock,
        )
        return self._made.enter_context(made)

    def keeper(
        self,
        *users: str,
        scopes: Iterable[str] | str = DEFAULT_SCOPES,
        store: TokenStore | SixMethods | str = "memory:",
        **options: Any,
    ) -> Keeper:
        """Return a Keeper of this sandbox, with a store of its own unless one is given.

        Args:
            users: Addresses of people of the sandbox who are logged in already.
            scopes: What they granted; what it takes to learn who they are is added.
            store: A store, or the URL of one.
            options: What `Keeper` takes besides.

        Raises:
            LookupError: The sandbox has no such user.
        """
        if isinstance(store, str):
            store = self._made.enter_context(open_store(store))
        options.setdefault("lifeboat", Path(self._made.enter_context(scratch_folder())))
        keeper = self._made.enter_context(Keeper(store, self.accounts(), **options))
        asked = add_identity_scopes(scopes)
        for email in users:
            person = self.user(email)
            code = self.grant_code(person.email, asked)
            keeper.login_with_code(code, data_center=person.data_center)
        return keeper

    def stop(self) -> None:
        """Close what was made, then ports and connections; does nothing if it does not run."""
        self._made.close()
        super().stop()
