"""A refresh takes longer than a lease, or its answer is lost: the others wait, and send nothing."""

from __future__ import annotations

from dataclasses import replace

from evergrant._core.lease_heartbeat import LEASE_TTL_S
from evergrant.sandbox import Sandbox
from tests.support.faults.holders_and_askers import expire, requests
from tests.support.faults.killable_processes import Hand
from tests.support.faults.scene import Scene
from tests.support.faults.stopped_refresh import THERE, Answer, ask
from tests.support.soak import Soak

ALICE, BOB = "alice@example.com", "bob@example.com"
PROCESSES = 3


def ask_at_once(scene: Scene, ttl: float, *users: str) -> list[Answer]:
    """Let several processes ask for tokens at the same moment."""
    hands = [Hand(ask, scene, ttl, list(users)) for _ in range(PROCESSES)]
    for hand in hands:
        assert hand.hear() == THERE
    for hand in hands:
        hand.tell("go")
    answers = [hand.hear() for hand in hands for _ in users]
    for hand in hands:
        hand.end()
    return answers


def test_zoho_takes_longer_to_answer_than_a_lease_runs(
    kind: str, zoho: Sandbox, scene: Scene, soak: Soak
) -> None:
    ttl, slow = (LEASE_TTL_S, 25.0) if soak.full else (3.0, 5.0)
    with scene.keeper() as keeper:
        keeper.login_with_code(zoho.grant_code(ALICE), ALICE)
        expire(keeper.store)
    zoho.faults.latency(slow)
    answers = ask_at_once(replace(scene, timeout=60.0), ttl, ALICE)
    assert len({answer.token for answer in answers}) == 1, answers
    assert answers[0].token, answers
    assert requests(zoho, ALICE) == 1
    longest = max(answer.seconds for answer in answers)
    soak.note(
        f"{PROCESSES} processes wait for an answer of {slow:g} s",
        store=kind,
        lease_s=ttl,
        token_calls=1,
        slowest_s=round(longest, 2),
    )


def test_the_answer_is_lost_after_zoho_granted(
    kind: str, zoho: Sandbox, scene: Scene, soak: Soak
) -> None:
    rounds = soak.rounds(1, 4)
    with scene.keeper() as keeper:
        for _ in range(rounds):
            for user in (ALICE, BOB):
                keeper.login_with_code(zoho.grant_code(user), user)
            expire(keeper.store)
            before = {user: requests(zoho, user) for user in (ALICE, BOB)}
            zoho.faults.drop_answer(times=2)
            answers = ask_at_once(scene, LEASE_TTL_S, ALICE, BOB)
            for user in (ALICE, BOB):
                (token,) = {answer.token for answer in answers if answer.user == user}
                assert token, answers
                assert keeper.accounts.fetch_owner(token)[0] == token.user_name
            calls = sum(requests(zoho, user) - before[user] for user in before)
            assert calls == 2 + 2, "each lost answer costs one more"
    soak.note("two answers are lost", store=kind, rounds=rounds, tokens=2, token_calls=2 + 2)
