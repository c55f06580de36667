"""An app as registered in Zoho's API console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evergrant._masking import masks_locals
from evergrant._text import is_word
from evergrant.datacenter import DataCenter
from evergrant.errors import ConfigError
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

    Raises:
        ConfigError: One of them has a blank, a line break or another control character in it.
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

        for name, text in (
            ("client id", self.client_id),
            ("redirect URL", self.redirect_url),
            ("client secret", self.client_secret),
            *(("client secret", text) for text in self.secrets.values()),
        ):
            if text and not is_word(text):
                raise ConfigError(
                    f"the {name} has a blank, a line break or a control character in it",
                    hint="Copy it again from Zoho's API console; nothing was sent.",
                )

    def secret_for(self, data_center: DataCenter) -> str | None:
        """Return the secret that this data center accepts."""
        return self.secrets.get(data_center.code, self.client_secret)


# The generated method has them as they were given; it may be that one is refused.
Client.__init__ = masks_locals(Client.__init__)  # type: ignore[method-assign]
