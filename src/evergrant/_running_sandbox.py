"""A sandbox that runs in another process of this machine: where it is, and its own client."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field
from typing import Self

from evergrant._oauth.messages import HttpRequest
from evergrant._oauth.transport import HttpxTransport
from evergrant.clock import RemoteClock
from evergrant.datacenter import DataCenter, DataCenters
from evergrant.errors import AccountsUnavailable, ConfigError
from evergrant.token import Secret

__all__ = ["VARIABLE", "RunningSandbox", "sandbox_of_environment"]

VARIABLE = "EVERGRANT_SANDBOX"
"""Names the sandbox to use instead of Zoho; of this machine, so that no secret can leave it."""

TIMEOUT_S = 5.0
"""Seconds to wait for an answer from this machine."""


@dataclass(frozen=True, slots=True)
class RunningSandbox:
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
    def at(cls, url: str) -> Self:
        """Ask the sandbox at this address (any of its ports).

        Raises:
            ConfigError: The address is not of this machine, or no sandbox answers there.
        """
        base = _loopback(accounts_url=url, api_url=url).api_url
        with closing(HttpxTransport(TIMEOUT_S)) as send:
            try:
                info = send(HttpRequest("GET", f"{base}/_sandbox/info")).json_object() or {}
                places = [_loopback(**place) for place in info["data_centers"]]
                secret = Secret(info["client_secret"])
                if places:
                    return cls(base, DataCenters(*places), info["client_id"], secret)
            except (AccountsUnavailable, LookupError, TypeError, AttributeError):
                pass
        raise ConfigError(f"no sandbox answers at {base}", hint="Start one: evergrant sandbox")

    @property
    def client(self) -> tuple[str, str]:
        """The id and the secret of its own client."""
        return self.client_id, self.client_secret

    @property
    def clock(self) -> RemoteClock:
        """Its time."""
        return RemoteClock(self.url)

    def home(self, data_center: str | None) -> str | None:
        """Return this data center if the sandbox has it: a setting names one of Zoho's."""
        return data_center if data_center in self.data_centers.codes else None


def sandbox_of_environment() -> RunningSandbox | None:
    """Return the sandbox that ``EVERGRANT_SANDBOX`` names; None where it names none.

    Raises:
        ConfigError: What it names is not of this machine, or no sandbox answers there.
    """
    url = os.environ.get(VARIABLE, "").strip()
    if not url:
        return None
    try:
        _loopback(accounts_url=url, api_url=url)
    except ConfigError:
        # What it says is not shown: a secret may have slipped into its place.
        raise ConfigError(
            f"{VARIABLE} is not the address of a sandbox on this machine",
            hint="It is http://127.0.0.1:PORT, as evergrant sandbox prints it.",
        ) from None
    return RunningSandbox.at(url)


def _loopback(**place: str) -> DataCenter:
    data_center = DataCenter.custom(**place)
    # Plain http is what `DataCenter.custom` accepts on the loopback interface only.
    product_host = (data_center.product_host,) if data_center.product_host else ()
    for url in (data_center.accounts_url, *data_center.api_urls, *product_host):
        if not url.startswith("http://"):
            raise ConfigError(f"{url!r} is not a sandbox", hint="It is http://127.0.0.1:PORT.")
    return data_center
