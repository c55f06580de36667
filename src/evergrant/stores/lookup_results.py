"""How a look-up treats the rows it got, among which may be corrupt rows or those of other users."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._user_names import belongs_to
from evergrant.errors import CorruptRecord
from evergrant.stores.matching import Criterion, equal
from evergrant.token import Token

__all__ = ["OnCorrupt", "is_named", "log_corrupt", "matches_criterion", "readable_tokens"]

_logger = RateLimitedLog()

OnCorrupt = Callable[[CorruptRecord], None]


def log_corrupt(error: CorruptRecord) -> None:
    """Log a warning about a row that cannot be read."""
    _logger.warning("%s", error)


def readable_tokens(read: Iterable[Token | CorruptRecord]) -> list[Token] | CorruptRecord:
    """Return the readable tokens; corrupt rows among them are logged.

    If all rows are corrupt, the error is returned for the caller to raise: each frame on its way
    from here would hold the rows' secrets, and error trackers print what frames hold.
    """
    tokens, corrupt = [], []
    for one in read:
        if isinstance(one, Token):
            tokens.append(one)
        else:
            corrupt.append(one)
    if corrupt and not tokens:
        return corrupt[0]
    for problem in corrupt:
        log_corrupt(problem)
    return tokens


def matches_criterion(token: Token, criterion: Criterion) -> bool:
    """Return True if a token fits what was looked up: indexes and collations are only hints."""
    # Written out: this runs on every look-up.
    for column, value in criterion.items():  # noqa: SIM110 - a generator takes longer
        if not equal(column, getattr(token, column), value):
            return False
    return True


def is_named(token: Token, name: str) -> bool:
    """Return True if a token's user is ``name`` or ``name:<org id>``."""
    return bool(token.user_name) and belongs_to(str(token.user_name), name)
