"""What a user's grant consists of: `Token`, its `Secret` parts and its `Freshness`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Self, SupportsIndex

import evergrant._logging.one_line  # noqa: F401 - what is logged here is about tokens, in one line each
from evergrant._masking import Masked, masks_locals

__all__ = [
    "EXPIRY_LEEWAY",
    "NO_REFRESH_TOKEN",
    "REFRESH_AHEAD",
    "SECRET_FIELDS",
    "Freshness",
    "Secret",
    "Token",
    "identify",
]

EXPIRY_LEEWAY = timedelta(seconds=60)
"""An access token counts as expired this long before its expiry, so that a request begun with
it also ends with it. (The official SDK's 5 s are shorter than a slow call.)"""

REFRESH_AHEAD = timedelta(minutes=5)
"""From this long before its expiry on, a valid token is worth refreshing. Zoho's access tokens
live one hour (https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html)."""

_MASK = "********"


class Secret(Masked, str):
    """Text that works as text but shows itself to nobody.

    An f-string, ``str()``, ``%s`` or ``urlencode`` (and so ``params=`` and ``data=`` of an HTTP
    client) makes eight asterisks of it, and SENDS THESE to Zoho; PyMySQL STORES THEM. Write
    ``secret.reveal()`` for the text; ``keeper.access_token()`` is plain text.

    ``repr``, ``str``, ``format``, ``print``, every log line, rich, ``click.echo`` (and so a text
    with a line break added to it) and sentry-sdk show a mask; a slice is a Secret again.
    Comparing, hashing, `reveal`, and binding by sqlite3 or psycopg use the value. A JSON encoder
    and a file's ``write`` see the value too: what writes secrets out does so on purpose.
    """

    __slots__ = ()

    def __new__(cls, value: str = "") -> Self:
        """Take text, or another Secret: str() alone would ask that for its text, the mask."""
        return str.__new__(cls, str.__str__(value))

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        # So would pickle, in its older protocols.
        return type(self), (self.reveal(),)

    def __repr__(self) -> str:
        return f"Secret('{_MASK}')"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        # Consoles and trackers cut what is long, and show the piece.
        return Secret(str.__getitem__(self, key))

    def __add__(self, other: str) -> str:
        # So does click.echo end what it is about to print.
        return (_MASK if other == "\n" else str.__str__(self)) + other

    def reveal(self) -> str:
        """Return the value as plain text: for the wire and for storage, never for people."""
        return str.__str__(self)


SECRET_FIELDS = ("client_secret", "refresh_token", "access_token", "grant_token")


NO_REFRESH_TOKEN = "no refresh token"  # noqa: S105 - a state


class Freshness(Enum):
    """How an access token stands against the clock."""

    FRESH = "fresh"
    STALE = "stale"
    """Still valid; worth refreshing in the background."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One user's grant: the official SDK's ten fields, then evergrant's own.

    Access token, expiry, refresh token and API domain are one unit: they were granted together
    and are replaced together. Instances never change; use `dataclasses.replace`.

    Attributes:
        id: The row's key in its store; None before the first save.
        user_name: ``email:zgid`` as the official SDK names users (``zgid``: the org's id).
        expires_at: When the access token dies (aware).
        grant_token: The one-time code that the token came from.
        api_domain: The base URL of the API for this token, such as https://www.zohoapis.eu.
        scopes: What was granted; empty when Zoho did not say.
        org_id: The zgid of the org that the grant belongs to.
        version: Counts the saves of this row; 0 for a token that was never stored, or that
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
        # Written out, not looped: this runs on every read of a store.
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
        """Return True if the access token can be used at ``now`` (aware).

        A token without an access token is EXPIRED; one whose expiry nobody noted is STALE: it
        may well work, and asking Zoho tells.
        """
        if not self.access_token:
            return Freshness.EXPIRED
        if self.expires_at is None:
            return Freshness.STALE
        left = self.expires_at - now
        if left <= EXPIRY_LEEWAY:
            return Freshness.EXPIRED
        return Freshness.STALE if left <= REFRESH_AHEAD else Freshness.FRESH


# The generated method has them as they were given; it may be that a moment is refused.
Token.__init__ = masks_locals(Token.__init__)  # type: ignore[method-assign]


def identify(token: Token) -> dict[str, Any]:
    """Return how errors and events name a token: by id and user, never by a secret."""
    return {"token_id": token.id, "user": token.user_name}
