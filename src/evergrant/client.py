"""An app as registered in Zoho's API console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evergrant.datacenter import DataCenter
from evergrant.token import Secret

__all__ = ["Client"]


@dataclass(frozen=True, slots=True)
class Client:
    """A client app: one id everywhere, and one secret, or one for each data center.

    Attributes:
        client_id: The same in every data center.
        client_secret: The secret where ``secrets`` names none.
        redirect_url: Exactly as registered; None for a self client.
        secrets: Data center code to secret.
    """

    client_id: str
    client_secret: str | None = None
    redirect_url: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.client_secret is not None:
            object.__setattr__(self, "client_secret", Secret(self.client_secret))
        object.__setattr__(
            self, "secrets", {code.lower(): Secret(value) for code, value in self.secrets.items()}
        )

    def secret_in(self, data_center: DataCenter) -> str | None:
        """Return the secret that this data center accepts."""
        return self.secrets.get(data_center.code, self.client_secret)
