"""Grant checks of ``evergrant doctor``: which users must log in again."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import evergrant
from evergrant._core.grant_state import State
from evergrant._core.validity import CLOCK_SLACK
from evergrant.cli.doctor_check import Check
from evergrant.cli.messages import format_time
from evergrant.cli.resources import accounts_for, grant_states_for
from evergrant.config import Settings
from evergrant.errors import EvergrantError

__all__ = ["check_grants"]


def check_grants(
    settings: Settings, store: evergrant.TokenStore, tokens: Collection[evergrant.Token]
) -> Iterator[Check]:
    """Name the grants that Zoho has ended, and a token that was saved in the future."""
    try:
        accounts = accounts_for(settings, settings.sandbox)
    except EvergrantError:  # reported by the check of the accounts servers
        return
    with accounts:
        states = grant_states_for(settings, store, accounts)
        now = accounts.clock()
        ahead = max((token.updated_at - now for token in tokens if token.updated_at), default=None)
        if ahead and ahead > CLOCK_SLACK:
            yield Check(
                "clocks",
                "problem",
                f"a token was saved {ahead} in the future, by a host whose clock is ahead of ours",
                "Set the clocks of all hosts that share the store (NTP).",
            )
        for token in tokens:
            grant = states.of(token)
            if grant.state is State.NEEDS_LOGIN and token.refresh_token:
                since = f" (since {format_time(grant.since)})" if grant.since else ""
                what = f"token {token.id} of {token.user_name}: {grant.reason}{since}"
                yield Check("needs login", "note", what, "Log the user in again.")
