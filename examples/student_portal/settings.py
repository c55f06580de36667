"""What the environment says (the README has a table), and the Zoho or the sandbox it means."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from evergrant import Accounts, Secret
from evergrant.errors import ConfigError
from evergrant.testing.sandbox_client import RemoteSandbox

__all__ = ["CALLBACK", "Settings"]

CALLBACK = "/callback"
"""Where Zoho sends browsers back to; register PORTAL_URL with this path in Zoho's API console."""

SANDBOX = "http://127.0.0.1:8790"
"""Where ``evergrant sandbox`` is unless told otherwise."""

SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the portal runs with."""

    client_id: str | None
    client_secret: Secret | None
    data_center: str
    sandbox: str
    url: str
    home: Path
    store: str
    cookie_key: Secret

    @classmethod
    def from_environment(cls, given: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; makes the portal's folder.

        Raises:
            ConfigError: The app's secret is missing, the cookie key is too short, or PORTAL_URL
                is not the address of a server.
        """
        client_id, client_secret = given.get("ZOHO_CLIENT_ID"), given.get("ZOHO_CLIENT_SECRET")
        if given.get("EVERGRANT_SANDBOX"):
            client_id = client_secret = None  # the sandbox's own app
        if client_id and not client_secret:
            raise ConfigError("ZOHO_CLIENT_ID is set, but not ZOHO_CLIENT_SECRET")
        home = Path(given.get("PORTAL_HOME") or user_data_path("student-portal")).absolute()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(
            client_id=client_id,
            client_secret=Secret(client_secret) if client_secret else None,
            data_center=given.get("ZOHO_DATA_CENTER", "us"),
            sandbox=given.get("PORTAL_SANDBOX") or given.get("EVERGRANT_SANDBOX") or SANDBOX,
            url=_origin(given.get("PORTAL_URL", "http://127.0.0.1:5000").rstrip("/")),
            home=home,
            store=given.get("PORTAL_STORE") or f"sqlite:///{home}/tokens.db",
            cookie_key=_checked(given.get("PORTAL_KEY")) or _kept_key(home / "cookie.key"),
        )

    def accounts(self) -> Accounts:
        """Return Zoho's accounts servers, as the portal's app sees them.

        Raises:
            ConfigError: There is no app, and no sandbox either.
        """
        redirect_url = self.url + CALLBACK
        if not self.client_id:
            return RemoteSandbox.at(self.sandbox).accounts(redirect_url=redirect_url)
        return Accounts(
            self.client_id,
            self.client_secret,
            redirect_url=redirect_url,
            data_center=self.data_center,
        )


def _origin(url: str) -> str:
    if not re.fullmatch(r"https?://[^/?#@]+", url):
        raise ConfigError(f"PORTAL_URL is {url!r}", hint="It is http(s)://host[:port].")
    return url


def _checked(key: str | None) -> Secret | None:
    if key and len(key) < SHORTEST_KEY:
        raise ConfigError(
            f"PORTAL_KEY is shorter than {SHORTEST_KEY} characters",
            hint="Make one: python -c 'import secrets; print(secrets.token_hex())'",
        )
    return Secret(key) if key else None


def _kept_key(file: Path) -> Secret:
    """Return the key in this file; made by the first of any number of workers that start."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent) as draft:  # readable by us only
        draft.write(secrets.token_hex())
        draft.flush()
        # A link appears whole or not at all, and never replaces the key of another worker.
        with suppress(FileExistsError):
            os.link(draft.name, file)
    return Secret(file.read_text())
