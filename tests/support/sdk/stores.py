"""The stores that Zoho's SDK is tested with, and tokens to put into them."""

from __future__ import annotations

from tests.support.stores.sqlite_store import seed_token

__all__ = [
    "LASTING",
    "NOTHING",
    "OFFICIAL_FILE",
    "OFFICIAL_TABLE",
    "OURS",
    "OUR_FILE",
    "OUR_MARIADB",
    "OUR_SQLITE",
    "OUR_TOKEN",
    "SAMPLE",
    "STORES",
    "sdk_token",
]

NOTHING, SAMPLE = "nothing", "Zoho's sample"
OFFICIAL_FILE, OFFICIAL_TABLE = "official file", "official table"
OUR_FILE, OUR_SQLITE, OUR_MARIADB = "our file", "our SQLite", "our MariaDB"
OUR_TOKEN = "our SQLite and OAuthToken"

OURS = {
    "memory": "memory:",
    "list": "list:",
    OUR_FILE: "file://{folder}/tokens.csv",
    OUR_SQLITE: "sqlite:///{folder}/zohooauth.db",
    OUR_MARIADB: "{mariadb}",
    "our PostgreSQL": "{postgresql}",
}
"""Stores of evergrant, by name."""

LASTING = tuple(name for name in OURS if name not in {"memory", "list"})
"""Those that outlive a process."""

STORES = {
    NOTHING: [NOTHING],
    OFFICIAL_FILE: ["official file", "{folder}/tokens.csv"],
    OFFICIAL_TABLE: ["official table", "{mariadb}"],
    SAMPLE: ["sample", "{folder}/zohooauth.db"],
    OUR_TOKEN: ["ours, and our OAuthToken", OURS[OUR_SQLITE]],
    **{name: ["ours", url] for name, url in OURS.items()},
}
"""By name: kind and arguments, as the step ``open`` takes them; in braces, what a test fills in."""


def sdk_token(who: str, **changes: str | None) -> dict[str, str | None]:
    """Return the fields of a whole SDK token that is alive for years."""
    token = seed_token(who)
    expiry_time = token.pop("expiry_time")
    return {**token, "expires_in": expiry_time, **changes}
