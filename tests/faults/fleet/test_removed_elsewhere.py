"""A token is revoked or deleted by one process: no other hands it out after that."""

from __future__ import annotations

import pytest

from evergrant.sandbox import Sandbox
from tests.support.faults.holders_and_askers import BUSY
from tests.support.faults.killable_processes import Hand
from tests.support.faults.removal import WAYS, go_on_asking, remove
from tests.support.faults.scene import Scene
from tests.support.faults.stopped_refresh import THERE
from tests.support.soak import Soak

ACROSS_HOSTS = 1.0
"""Seconds after which a token that was removed on one host is not handed out on another."""


@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_was_removed_is_handed_out_by_another_process(
    kind: str, way: str, zoho: Sandbox, scene: Scene, soak: Soak
) -> None:
    on_one_host = scene.store.startswith(("sqlite:", "file:"))
    longest = -1.0
    for number in range(rounds := soak.rounds(1, 20)):
        user = f"user{number}@example.com"
        zoho.add_user(user)
        with scene.keeper() as keeper:
            keeper.login_with_code(zoho.grant_code(user), user)
        asking, removing = Hand(go_on_asking, scene, user), Hand(remove, scene, way, user)
        assert (asking.hear(), removing.hear()) == (THERE, THERE)
        removing.tell("go")
        removed_at, given = removing.hear(), asking.hear()
        for hand in (asking, removing):
            hand.end()
        latest = max(given.values()) - removed_at
        longest = max(longest, latest)
        if on_one_host:
            assert latest <= 0, given
        else:
            assert latest <= ACROSS_HOSTS + (0 if soak.full else BUSY), given
    soak.note(
        "removed by one process, handed out by another",
        store=kind,
        how=way,
        rounds=rounds,
        seconds_after=round(max(longest, 0), 3),
    )
