"""A store that cannot tell that it was changed: what the bridge changes itself, it knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge_help import ALICE, Asked
from evergrant import Token
from evergrant.sandbox import Sandbox
from evergrant.stores.adapter import adapt
from evergrant.zohocrmsdk.desk import Desk
from evergrant.zohocrmsdk.surroundings import Surroundings
from six_methods import Plain

Change = Callable[[Desk, Token, Surroundings], object]

CHANGES: dict[str, Change] = {
    "delete": lambda desk, token, _: desk.delete(token.id or ""),
    "delete all": lambda desk, _token, _around: desk.delete_all(),
    "revoke": lambda desk, token, around: desk.revoke(token.id or "", around),
    "renew": lambda desk, token, around: desk.renewed(token, around),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_token_that_is_gone_is_still_at_hand(
    change: str, zoho: Sandbox, around: Surroundings, asked: Asked, boat: Path
) -> None:
    desk = Desk(adapt(Plain()), data_centers=zoho.data_centers, clock=zoho.clock, lifeboat=boat)
    first = desk.answer(asked(grant_token=zoho.grant_code(ALICE)), around)
    assert first is not None
    assert desk.answer(Token(id=first.id), around) == first == desk.recent(first.id, None, None)
    CHANGES[change](desk, first, around)
    assert desk.recent(first.id, None, None) is None
    desk.close()
