"""The stores that Zoho's SDK is tested with, and tokens to put into them."""

from __future__ import annotations

__all__ = [
    "NOTHING",
    "OFFICIAL_FILE",
    "OURS",
    "OUR_SQLITE",
    "OUR_TOKEN",
    "SAMPLE",
    "STORES",
    "sdk_token",
]

NOTHING, OFFICIAL_FILE, SAMPLE = "nothing", "official file", "Zoho's sample"
OUR_SQLITE, OUR_TOKEN = "our SQLite", "our SQLite and OAuthToken"

OURS = {
    "memory": "memory:",
    "list": "list:",
    OUR_SQLITE: "sqlite:///{folder}/zohooauth.db",
}
"""Stores of evergrant, by name."""

LASTING = tuple(name for name in OURS if name not in {"memory", "list"})
"""Those that outlive a process."""

STORES = {
    NOTHING: [NOTHING],
    OFFICIAL_FILE: ["official file", "{folder}/tokens.csv"],
    SAMPLE: ["sample", "{folder}/zohooauth.db"],
    OUR_TOKEN: ["ours, and our OAuthToken", OURS[OUR_SQLITE]],
    **{name: ["ours", url] for name, url in OURS.items()},
}
"""By name: kind and arguments, as the step ``open`` takes them."""


def sdk_token(who: str, **changes: str | None) -> dict[str, str | None]:
    """Return the fields of a whole SDK token that is alive for years."""
    token: dict[str, str | None] = {
        "user_name": f"{who}@example.com:60001",
        "client_id": "1000.APP",
        "client_secret": "planted-secret",
        "refresh_token": f"planted-refresh-{who}",
        "access_token": f"planted-access-{who}",
        "expires_in": "1893499200000",
        "redirect_url": "https://app.example.com/callback",
        "api_domain": "https://www.zohoapis.eu",
    }
    return token | changes
