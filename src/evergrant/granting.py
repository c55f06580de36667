"""What Zoho granted, as a token; and what is wrong with it, which must not lose it."""

from __future__ import annotations

from dataclasses import replace

from evergrant.datacenter import DataCenter
from evergrant.errors import CorruptRecord, UntrustedServer
from evergrant.limited_log import LimitedLog
from evergrant.oauth import Granted
from evergrant.text import is_word
from evergrant.token import Token, about

__all__ = ["foreign_api", "refuse_unfit", "renewed", "warn_in_log"]

_logger = LimitedLog()


def warn_in_log(problem: UntrustedServer) -> None:
    """Tell in the log what is wrong with what was granted."""
    _logger.warning("%s", problem)


def foreign_api(granted: Granted, where: DataCenter) -> UntrustedServer | None:
    """Return what to tell of a grant whose API is said to be where no token is sent."""
    if granted.stranger is None:
        return None
    return UntrustedServer(
        f"Zoho's answer names {granted.stranger}, which is no API server of {where.code!r}; "
        f"nothing was sent there, and the grant is kept for {where.api_url}",
        hint="If that server is Zoho's, add it to the data_centers of Accounts, and log in again; "
        "else revoke the grant.",
    )


def renewed(token: Token, granted: Granted) -> Token:
    """Return the token with what was granted; Zoho sends the refresh token only the first time."""
    return replace(
        token,
        access_token=granted.access_token,
        refresh_token=granted.refresh_token or token.refresh_token,
        expires_at=granted.expires_at,
        api_domain=granted.api_domain,
        scopes=granted.scopes or token.scopes,
    )


def refuse_unfit(secret: str, token: Token) -> None:
    """Refuse to send a token that no server can have given out.

    Raises:
        CorruptRecord: It has a character that cannot be sent.
    """
    if not is_word(secret):
        raise CorruptRecord(
            "its token has a blank, a line break or a control character in it; it was not sent",
            **about(token),
        )
