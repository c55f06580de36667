"""A sandbox that runs in another process: what it takes to use it instead of Zoho."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field

from evergrant.accounts import Accounts
from evergrant.datacenter import DataCenter, DataCenters
from evergrant.errors import AccountsUnavailable, ConfigError
from evergrant.http import HttpCall
from evergrant.sandbox.clock import RemoteClock
from evergrant.sender import HttpSender

__all__ = ["RemoteSandbox"]

TIMEOUT = 5.0
"""Seconds to wait for an answer from this machine."""


@dataclass(frozen=True, slots=True)
class RemoteSandbox:
    """What a running sandbox says of itself.

    Attributes:
        url: Its address.
        client_secret: Of its own client; it is worth nothing elsewhere.
    """

    url: str
    data_centers: DataCenters
    client_id: str
    client_secret: str = field(repr=False)

    @classmethod
    def at(cls, url: str) -> RemoteSandbox:
        """Ask the sandbox at this address (any of its ports).

        Raises:
            ConfigError: The address is not of this machine, or no sandbox answers there.
        """
        base = _loopback(accounts_url=url, api_url=url).api_url
        with closing(HttpSender(TIMEOUT)) as send:
            try:
                info = send(HttpCall("GET", f"{base}/_sandbox/info")).json_object() or {}
                places = [_loopback(**place) for place in info["data_centers"]]
                if places:
                    return cls(base, DataCenters(*places), info["client_id"], info["client_secret"])
            except (AccountsUnavailable, LookupError, TypeError, AttributeError):
                pass
        raise ConfigError(f"no sandbox answers at {base}", hint="Start one: evergrant sandbox")

    def accounts(
        self, *, redirect_url: str | None = None, data_center: str | None = None
    ) -> Accounts:
        """Return its accounts servers, as its own client sees them, by its own clock."""
        return Accounts(
            self.client_id,
            self.client_secret,
            redirect_url=redirect_url,
            data_center=data_center,
            data_centers=self.data_centers,
            clock=RemoteClock(self.url),
        )


def _loopback(**place: str) -> DataCenter:
    data_center = DataCenter.custom(**place)
    # Plain http is what `DataCenter.custom` accepts on the loopback interface only.
    for url in (data_center.accounts_url, *data_center.api_urls):
        if not url.startswith("http://"):
            raise ConfigError(f"{url!r} is not a sandbox", hint="It is http://127.0.0.1:PORT.")
    return data_center
