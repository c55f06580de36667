"""The exit codes, and which error leads to which."""

from __future__ import annotations

from enum import IntEnum

from evergrant.errors import (
    AccountsUnavailable,
    AmbiguousUser,
    CodeSpent,
    ConfigError,
    ConsentDenied,
    EvergrantError,
    LoginRequired,
    MissingExtra,
    NoRefreshToken,
    OAuthError,
    StoreError,
    Throttled,
    TokenNotFound,
    TokenNotSaved,
)

__all__ = ["ExitCode", "exit_code"]


class ExitCode(IntEnum):
    """The exit codes of ``evergrant``; documented in docs/cli.md."""

    DONE = 0
    BAD_RESULT = 1
    """The command ran, but the result is bad: an HTTP error, a failed check, a token that was not
    moved. Also a bug, with a traceback."""
    USAGE = 2
    """A wrong option or setting, a missing package, or a question that could not be answered."""
    NOT_FOUND = 3
    """No such token, or several that match."""
    LOGIN_REQUIRED = 4
    """Only the user can help, by logging in or accepting."""
    TRY_AGAIN = 5
    """Throttled, or no usable response. The same command may work later."""
    STORE = 6
    """The storage is gone, locked, full, read-only or damaged."""
    REFUSED = 7
    """Zoho refused, or evergrant refused to send a secret to an untrusted server."""
    NOT_SAVED = 8
    """Zoho granted a token that could not be saved. It waits in the lifeboat."""
    INTERRUPTED = 130
    """Ctrl-C."""
    BROKEN_PIPE = 141
    """The reader of the output closed the pipe."""


# The first match decides: subclasses come before their base classes.
_EXIT_CODES: tuple[tuple[type[EvergrantError], ExitCode], ...] = (
    (TokenNotSaved, ExitCode.NOT_SAVED),
    (ConfigError, ExitCode.USAGE),
    (MissingExtra, ExitCode.USAGE),
    (TokenNotFound, ExitCode.NOT_FOUND),
    (AmbiguousUser, ExitCode.NOT_FOUND),
    (StoreError, ExitCode.STORE),
    (LoginRequired, ExitCode.LOGIN_REQUIRED),
    (NoRefreshToken, ExitCode.LOGIN_REQUIRED),
    (ConsentDenied, ExitCode.LOGIN_REQUIRED),
    (CodeSpent, ExitCode.LOGIN_REQUIRED),
    (Throttled, ExitCode.TRY_AGAIN),
    (AccountsUnavailable, ExitCode.TRY_AGAIN),
    (OAuthError, ExitCode.REFUSED),
)


def exit_code(error: EvergrantError) -> ExitCode:
    """Return the exit code that an error leads to."""
    return next(
        (code for kind, code in _EXIT_CODES if isinstance(error, kind)), ExitCode.BAD_RESULT
    )
