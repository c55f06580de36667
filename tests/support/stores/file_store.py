"""What the tests of the file store share: files as Zoho's SDKs leave them."""

from __future__ import annotations

import csv
import traceback
from pathlib import Path

HEADER = (
    "id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,"
    "expiry_time,redirect_uri,api_domain"
)
OLD_HEADER = HEADER.removesuffix(",api_domain")
OLDEST_HEADER = OLD_HEADER.replace("user_name", "user_mail")
NOON_MS = 1_893_499_200_000
"""2030-01-01 12:00 UTC."""


def row(id_: str, who: str, expiry: int = NOON_MS, client: str = "1000.APP") -> str:
    """Return a row of ten columns, as the official store writes it."""
    return (
        f"{id_},{who}@example.com:60001,{client},planted-secret,planted-refresh-{who},"
        f"planted-access-{who}-{expiry},,{expiry},https://app.example.com/callback,"
        "https://www.zohoapis.eu"
    )


def old_row(id_: str, who: str) -> str:
    """Return a row of nine columns."""
    return row(id_, who).rpartition(",")[0]


def put(path: Path, *lines: str, end: str = "\r\n") -> bytes:
    """Write a file in place, as the official store does; return what it holds."""
    content = "".join(f"{line}{end}" for line in lines).encode()
    path.write_bytes(content)
    path.chmod(0o600)
    return content


def rows(path: Path) -> list[list[str]]:
    """Read a file as the official store does."""
    with path.open() as file:
        return [fields for fields in csv.reader(file) if fields]


def story(error: BaseException) -> str:
    """Return all that an error tracker could print of an error, but for the test's own frame."""
    below = error.__traceback__.tb_next if error.__traceback__ else None
    told = traceback.TracebackException(type(error), error, below, capture_locals=True)
    return f"{error!r} {error} {''.join(told.format())}"
