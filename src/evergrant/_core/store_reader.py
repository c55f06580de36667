"""Hands out what the store has, and waits for nobody else."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from evergrant._core.cached_lookup import CachedLookup
from evergrant._core.manager import TokenManager
from evergrant._core.refreshable import data_center_code
from evergrant._core.validity import is_usable, validate_min_ttl
from evergrant._user_names import fold_name
from evergrant.errors import EvergrantError
from evergrant.token import Token

__all__ = ["StoreReader"]


class StoreReader:
    """Reads tokens that live; those that must be refreshed first are left to the Keeper.

    Args:
        custody: What the Keeper works with.
        serving: What the Keeper has at hand.
    """

    def __init__(self, manager: TokenManager, cached_lookup: CachedLookup) -> None:
        self._manager = manager
        self._cached_lookup = cached_lookup

    def token(self, user: str, *, min_ttl: timedelta) -> Token | None:
        """Return what `evergrant.Keeper.token` would if Zoho need not be waited for; else None."""
        load, elect = partial(self._if_valid, user, min_ttl), self._manager.do_background_work
        min_ttl = validate_min_ttl(min_ttl)
        return self._cached_lookup.get(
            fold_name(user), load, on_due=elect, min_ttl=min_ttl, purpose="reading"
        )

    def data_center_code(self, user: str) -> str:
        """Return the code of the data center that is asked for this user; empty: of none."""
        try:
            return data_center_code(self._manager.find(user), self._manager.accounts)
        except EvergrantError:
            return ""  # whoever asks is told then

    def _if_valid(self, user: str, min_ttl: timedelta) -> Token | None:
        token = self._manager.find_valid(user)
        if self._manager.dead(token) or not is_usable(token, self._manager.clock(), min_ttl):
            return None
        self._manager.do_background_work(token)
        return token
