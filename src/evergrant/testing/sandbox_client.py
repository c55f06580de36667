"""A sandbox that runs in another process, to use instead of Zoho."""

from __future__ import annotations

from evergrant._running_sandbox import RunningSandbox
from evergrant.accounts import Accounts

__all__ = ["RemoteSandbox"]


class RemoteSandbox(RunningSandbox):
    """A running sandbox, and its accounts servers."""

    __slots__ = ()

    def accounts(
        self, *, redirect_url: str | None = None, data_center: str | None = None
    ) -> Accounts:
        """Return its accounts servers, with its own client and its own clock."""
        return Accounts(
            self.client_id,
            self.client_secret,
            redirect_url=redirect_url,
            data_center=data_center,
            data_centers=self.data_centers,
            clock=self.clock,
        )
