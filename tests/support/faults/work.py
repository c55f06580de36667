"""What the processes of the fault tests do until they are killed: log in, refresh, save."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from multiprocessing.connection import Connection
from typing import NamedTuple

from evergrant import Token
from evergrant.errors import EvergrantError, TokenNotSaved
from tests.support.faults.killable_processes import tell
from tests.support.faults.scene import Scene

__all__ = ["Began", "Claim", "Ended", "Trouble", "log_in_and_refresh", "save"]

PAUSE = 0.02
"""Seconds after an error, before the next attempt."""

REFRESHES = 3
"""Of each login; more than ten would be Zoho's limit."""


class Began(NamedTuple):
    """A login was begun: what Zoho grants for it may be lost with the process."""

    user: str


class Ended(NamedTuple):
    """A login has ended: what Zoho granted is in the store or in the lifeboat."""

    user: str


class Claim(NamedTuple):
    """A save or a login returned: from now on, this or newer must be there."""

    token: Token


class Trouble(NamedTuple):
    """An error, by its class."""

    kind: str
    message: str


def save(pipe: Connection, scene: Scene, name: str) -> None:
    """Save tokens: of four users of our own, and of one whom all processes save."""
    with scene.open() as store:
        for number in count():
            user = f"{name}{number % 4}" if number % 5 else "everybody"
            token = Token(
                user_name=user,
                client_id="1000.APP",
                client_secret="planted-secret",
                refresh_token=f"planted-refresh-{user}",
                access_token=f"planted-access-{user}-{time.time_ns()}",
                expires_at=scene.clock() + timedelta(hours=1),
            )
            _claim(pipe, lambda token=token: store.save_token(token))  # type: ignore[misc]


def log_in_and_refresh(pipe: Connection, scene: Scene, user: str, codes: list[str]) -> None:
    """Log a user in again and again, and refresh the tokens some times."""
    with scene.keeper() as keeper:
        for code in codes:
            tell(pipe, Began(user))
            if _claim(pipe, lambda code=code: keeper.login_with_code(code, user)):  # type: ignore[misc]
                tell(pipe, Ended(user))
            for _ in range(REFRESHES):
                _claim(pipe, lambda: keeper.refresh(user))


def _claim(pipe: Connection, work: Callable[[], Token]) -> bool:
    """Tell what became of some work; say whether it is kept, be it in the lifeboat."""
    try:
        claim = Claim(work())
    except EvergrantError as error:
        kinds = (kind for kind in type(error).__mro__ if kind.__module__ == "evergrant.errors")
        tell(pipe, Trouble(next(kinds).__name__, str(error)))
        time.sleep(PAUSE)
        return isinstance(error, TokenNotSaved)
    tell(pipe, claim)
    return True
