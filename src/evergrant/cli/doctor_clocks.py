"""Clock checks of ``evergrant doctor``: this host's clock and the clock of the store's server."""

from __future__ import annotations

from collections.abc import Iterator

import evergrant
from evergrant.cli.doctor_check import Check
from evergrant.clock import utc_now
from evergrant.token import EXPIRY_LEEWAY

__all__ = ["check_clocks", "format_offset"]


def check_clocks(store: evergrant.TokenStore) -> Iterator[Check]:
    """Compare this host's clock with the clock of the store's server, if there is one."""
    began = utc_now()
    theirs = store.storage_time()
    if theirs is None:
        return
    off = (began + (utc_now() - began) / 2 - theirs).total_seconds()
    if abs(off) < EXPIRY_LEEWAY.total_seconds():
        yield Check("store clock", "ok", f"differs from ours by {abs(off):.0f} s")
        return
    hint = "Set both clocks (NTP): the age of logins and the record of deletions depend on them."
    yield Check("store clock", "problem", format_offset(off, store.url), hint)


def format_offset(seconds: float, whose: str) -> str:
    """Return how far our clock is ahead of or behind another."""
    return f"our clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} {whose}"
