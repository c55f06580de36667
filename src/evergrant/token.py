"""A user's grant: `Token`, its `Secret` parts and its `Freshness`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Self, SupportsIndex, TypeAlias

import evergrant._logging.one_line  # noqa: F401 - each log record about tokens is one line
from evergrant._masking import Masked, masks_locals

__all__ = [
    "EXPIRY_LEEWAY",
    "NO_REFRESH_TOKEN",
    "REFRESH_AHEAD",
    "SECRET_FIELDS",
    "Freshness",
    "Secret",
    "Token",
    "User",
    "identify",
]

EXPIRY_LEEWAY = timedelta(seconds=60)
"""An access token counts as expired this long before its expiry, so that it stays valid for a
whole request. (The official SDK's 5 s are shorter than a slow call.)"""

REFRESH_AHEAD = timedelta(minutes=5)
"""A valid token should be refreshed this long before its expiry. Zoho's access tokens last
one hour (https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html)."""

_MASK = "********"


class Secret(Masked, str):
    """A string whose value is masked wherever it is shown.

    An f-string, ``str()``, ``%s`` or ``urlencode`` (and so ``params=`` and ``data=`` of an HTTP
    client) turns it into eight asterisks, and SENDS THESE to Zoho; PyMySQL STORES THEM. Use
    ``secret.reveal()`` to get the value. ``keeper.access_token()`` is plain text.

    ``repr``, ``str``, ``format``, ``print``, log lines, rich, ``click.echo`` (which adds a line
    break) and sentry-sdk show a mask. A slice is a Secret again. Comparing, hashing, `reveal`, and
    binding by sqlite3 or psycopg use the value. So do JSON encoders and a file's ``write``, since
    code that writes secrets does so on purpose.
    """

    __slots__ = ()

    def __new__(cls, value: str = "") -> Self:
        """Accept text or another Secret, whose str() would be the mask."""
        return str.__new__(cls, str.__str__(value))

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        # Older pickle protocols would store the mask, too.
        return type(self), (self.reveal(),)

    def __repr__(self) -> str:
        return f"Secret('{_MASK}')"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        # Consoles and error trackers shorten long texts and show the piece.
        return Secret(str.__getitem__(self, key))

    def __add__(self, other: str) -> str:
        # click.echo adds a line break to what it prints.
        return (_MASK if other == "\n" else str.__str__(self)) + other

    def reveal(self) -> str:
        """Return the value as plain text, for sending and storing it, never for showing it."""
        return str.__str__(self)


SECRET_FIELDS = ("client_secret", "refresh_token", "access_token", "grant_token")


NO_REFRESH_TOKEN = "no refresh token"  # noqa: S105 - a state


class Freshness(Enum):
    """Whether an access token is still valid, and for how long."""

    FRESH = "fresh"
    STALE = "stale"
    """Still valid, but should be refreshed in the background."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One user's grant: the official SDK's ten fields, then evergrant's own.

    Access token, expiry, refresh token and API domain are one unit: they were granted together
    and are replaced together. Instances never change; use `dataclasses.replace`.

    Attributes:
        id: The row's key in its store; None before the first save.
        user_name: ``email:zgid`` as the official SDK names users (``zgid``: the org's id).
        expires_at: When the access token expires (aware).
        grant_token: The one-time code that the token came from.
        api_domain: The base URL of the API for this token, such as https://www.zohoapis.eu.
        scopes: The granted scopes; empty if Zoho did not say.
        org_id: The zgid of the org that the grant belongs to.
        version: Counts the saves of this row. 0 for a token that was never stored, or that
            another program wrote.

    Raises:
        ValueError: A datetime is naive.
    """

    id: str | None = None
    user_name: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None
    access_token: str | None = None
    grant_token: str | None = None
    expires_at: datetime | None = None
    redirect_url: str | None = None
    api_domain: str | None = None
    scopes: tuple[str, ...] = ()
    org_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_used_at: datetime | None = None
    version: int = 0

    def __post_init__(self) -> None:
        # Not a loop, for speed: this runs for every row that a store reads.
        if type(self.client_secret) is str:
            object.__setattr__(self, "client_secret", Secret(self.client_secret))
        if type(self.refresh_token) is str:
            object.__setattr__(self, "refresh_token", Secret(self.refresh_token))
        if type(self.access_token) is str:
            object.__setattr__(self, "access_token", Secret(self.access_token))
        if type(self.grant_token) is str:
            object.__setattr__(self, "grant_token", Secret(self.grant_token))
        for moment in (self.expires_at, self.created_at, self.updated_at, self.last_used_at):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"naive datetime {moment}: give it a time zone, such as UTC")

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{field.name}={value!r}"
            for field in fields(self)
            if (value := getattr(self, field.name)) not in (None, ())
        )
        return f"Token({shown})"

    @property
    def is_blank(self) -> bool:
        """Whether nothing was granted: no access, refresh or grant token."""
        return not (self.access_token or self.refresh_token or self.grant_token)

    def freshness(self, now: datetime) -> Freshness:
        """Return the freshness of the access token at ``now`` (aware).

        Without an access token, it is EXPIRED. Without a known expiry, it is STALE: the token may
        still work, which only a request shows.
        """
        if not self.access_token:
            return Freshness.EXPIRED
        if self.expires_at is None:
            return Freshness.STALE
        left = self.expires_at - now
        if left <= EXPIRY_LEEWAY:
            return Freshness.EXPIRED
        return Freshness.STALE if left <= REFRESH_AHEAD else Freshness.FRESH


# The generated method receives secrets as plain text, and may raise for a naive datetime.
Token.__init__ = masks_locals(Token.__init__)  # type: ignore[method-assign]


def identify(token: Token) -> dict[str, Any]:
    """Return the id and user of a token, by which errors and events name it."""
    return {"token_id": token.id, "user": token.user_name}


User: TypeAlias = str | Token
"""What names a grant to a Keeper: its user's name, or one of the store's tokens."""
