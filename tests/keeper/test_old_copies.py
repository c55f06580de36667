"""A program that kept a token for long, while others used its row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Policy, TokenStore
from evergrant.errors import PolicyRefused
from evergrant.sandbox import Sandbox

ALICE = "alice@example.com"
HOUR = timedelta(hours=1)


def test_a_rejected_copy_goes_by_the_use_that_is_stored(
    zoho: Sandbox, store: TokenStore, accounts: Accounts, boat: Path
) -> None:
    with Keeper(store, accounts, lifeboat=boat, policy=Policy(idle_timeout=3 * HOUR)) as keeper:
        old = keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
        zoho.clock.advance(hours=2)
        used = keeper.refresh(ALICE)
        zoho.clock.advance(hours=2)
        assert keeper.replace_rejected(
            ALICE, replace(used, last_used_at=old.last_used_at)
        ).access_token
        zoho.clock.advance(hours=3)
        with pytest.raises(PolicyRefused):
            keeper.replace_rejected(ALICE, replace(used, last_used_at=zoho.clock()))
