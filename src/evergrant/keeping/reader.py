"""Hands out what the store has, and waits for nobody else."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from evergrant.errors import EvergrantError
from evergrant.keeping.custody import Custody
from evergrant.keeping.renewable import home_of
from evergrant.keeping.serving import Serving
from evergrant.keeping.windows import checked_life, is_usable
from evergrant.names import folded
from evergrant.token import Token

__all__ = ["Reader"]


class Reader:
    """Reads tokens that live; those that must be renewed first are left to the Keeper.

    Args:
        custody: What the Keeper works with.
        serving: What the Keeper has at hand.
    """

    def __init__(self, custody: Custody, serving: Serving) -> None:
        self._custody = custody
        self._serving = serving

    def token(self, user: str, *, min_life: timedelta) -> Token | None:
        """Return what `evergrant.Keeper.token` would if Zoho need not be waited for; else None."""
        load, elect = partial(self._living, user, min_life), self._custody.attend
        min_life = checked_life(min_life)
        return self._serving.token(
            folded(user), load, elect=elect, min_life=min_life, purpose="reading"
        )

    def home(self, user: str) -> str:
        """Return the code of the data center that is asked for this user; empty: of none."""
        try:
            return home_of(self._custody.find(user), self._custody.accounts)
        except EvergrantError:
            return ""  # whoever asks is told then

    def _living(self, user: str, min_life: timedelta) -> Token | None:
        token = self._custody.in_force(user)
        if self._custody.dead(token) or not is_usable(token, self._custody.clock(), min_life):
            return None
        self._custody.attend(token)
        return token
