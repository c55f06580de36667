"""The stores that Zoho's SDK is tested with, and tokens to put into them."""

from __future__ import annotations

__all__ = ["OFFICIAL_FILE", "OUR_SQLITE", "OUR_TOKEN", "SAMPLE", "STORES", "sdk_token"]

OFFICIAL_FILE, SAMPLE = "official file", "Zoho's sample"
OUR_SQLITE, OUR_TOKEN = "our SQLite", "our SQLite and OAuthToken"

STORES = {
    OFFICIAL_FILE: ["official file", "{folder}/tokens.csv"],
    SAMPLE: ["sample", "{folder}/zohooauth.db"],
    OUR_SQLITE: ["ours", "sqlite:///{folder}/zohooauth.db"],
    OUR_TOKEN: ["ours, and our OAuthToken", "sqlite:///{folder}/zohooauth.db"],
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
