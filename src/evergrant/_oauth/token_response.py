"""What Zoho granted, as a token; and what is wrong with it, which must not lose it."""

from __future__ import annotations

from dataclasses import replace

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._oauth.protocol import TokenResponse
from evergrant._text import is_word
from evergrant.datacenter import DataCenter
from evergrant.errors import CorruptRecord, UntrustedServer
from evergrant.token import Token, identify

__all__ = ["apply_token_response", "foreign_api_error", "require_sendable", "warn_in_log"]

_logger = RateLimitedLog()


def warn_in_log(problem: UntrustedServer) -> None:
    """Tell in the log what is wrong with what was granted."""
    _logger.warning("%s", problem)


def foreign_api_error(granted: TokenResponse, data_center: DataCenter) -> UntrustedServer | None:
    """Return the error for a grant that names a foreign API server, or None."""
    if granted.stranger is None:
        return None
    return UntrustedServer(
        f"Zoho's answer names {granted.stranger}, which is no API server of {data_center.code!r}; "
        f"nothing was sent there, and the grant is kept for {data_center.api_url}",
        hint="If that server is Zoho's, add it to the data_centers of Accounts, and log in again; "
        "else revoke the grant.",
    )


def apply_token_response(token: Token, granted: TokenResponse) -> Token:
    """Return the token with what was granted; Zoho sends the refresh token only the first time."""
    return replace(
        token,
        access_token=granted.access_token,
        refresh_token=granted.refresh_token or token.refresh_token,
        expires_at=granted.expires_at,
        api_domain=granted.api_domain,
        scopes=granted.scopes or token.scopes,
    )


def require_sendable(secret: str, token: Token) -> None:
    """Refuse to send a token that no server can have given out.

    Raises:
        CorruptRecord: It has a character that cannot be sent.
    """
    if not is_word(secret):
        raise CorruptRecord(
            "its token has a blank, a line break or a control character in it; it was not sent",
            **identify(token),
        )
