"""What the sandbox's own client may ask for, and where codes for it may go."""

from __future__ import annotations

__all__ = ["DEFAULT_SCOPES", "REDIRECT_URIS"]

DEFAULT_SCOPES = (
    "ZohoCRM.modules.ALL",
    "ZohoCRM.settings.ALL",
    "ZohoCRM.users.READ",
    "ZohoCRM.org.READ",
    "ZohoCRM.coql.READ",
    "ZohoSearch.securesearch.READ",
    "AaaServer.profile.READ",
)
"""Enough for everything the sandbox can do."""

_PATHS = ("/callback", "/zoho/callback", "/", "")
"""Of the command line and the student portal, of the integrations, and of Zoho's samples."""

REDIRECT_URIS = (
    *(f"http://{host}{path}" for path in _PATHS for host in ("127.0.0.1", "localhost")),
    "https://app.example.com/callback",
    "https://app.example.com/zoho/callback",
)
"""Of the default client; the loopback ones fit any port, see `Settings.loopback_any_port`."""
