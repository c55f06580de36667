"""The stores that Zoho's SDK is tested with, and tokens to put into them."""

from __future__ import annotations

from sqlite_help import seed_token

__all__ = [
    "NOTHING",
    "OFFICIAL_FILE",
    "OURS",
    "OUR_FILE",
    "OUR_SQLITE",
    "OUR_TOKEN",
    "SAMPLE",
    "STORES",
    "sdk_token",
]

NOTHING, OFFICIAL_FILE, SAMPLE = "nothing", "official file", "Zoho's sample"
OUR_FILE, OUR_SQLITE, OUR_TOKEN = "our file", "our SQLite", "our SQLite and OAuthToken"

OURS = {
    "memory": "memory:",
    "list": "list:",
    OUR_FILE: "file://{folder}/tokens.csv",
    "our MariaDB": "{mariadb}",
    "our PostgreSQL": "{postgresql}",
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
"""By name: kind and arguments, as the step ``open`` takes them; in braces, what a test fills in."""


def sdk_token(who: str, **changes: str | None) -> dict[str, str | None]:
    """Return the fields of a whole SDK token that is alive for years."""
    token = seed_token(who)
    return {**token, "expires_in": token.pop("expiry_time"), **changes}
