"""Who refreshes a token is stopped or killed at each point of that: another one takes over.

Exactly one request to Zoho is impossible where a process dies after Zoho answered; one more than
that is the most.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from evergrant import Keeper, Token
from evergrant.keeping.heartbeat import LEASE_TTL
from evergrant.sandbox import Sandbox
from fault_crew import Hand
from fault_labels import LABELS, THERE, Answer, ask, hold
from fault_scene import Scene
from soak import Soak

SHORT_TTL = 1.0
"""Seconds that leases run in a test run; a soak uses the real ones."""

LATER = 1.0
"""Seconds after the lease's end by which another process has a token."""

BUSY = 5.0
"""Seconds more on a machine that runs other tests at the same time."""


class Cast:
    """One user, one holder and one asker for each point, all at the same time."""

    def __init__(self, zoho: Sandbox, scene: Scene, keeper: Keeper) -> None:
        self.zoho, self.scene, self.keeper = zoho, scene, keeper
        self.users = {label: f"{label.replace(' ', '.')}@example.com" for label in LABELS}
        for user in self.users.values():
            zoho.add_user(user)
            keeper.login_with_code(zoho.grant_code(user), user)

    def expire(self) -> None:
        """Let the stored tokens be over."""
        for token in self.keeper.store.get_tokens():
            assert token.expires_at
            past = replace(token, expires_at=token.expires_at - timedelta(hours=2))
            self.keeper.store.save_token(past, expected_version=token.version)

    def requests(self, user: str) -> int:
        calls = self.zoho.calls
        return calls.count(path="/oauth/v2/token", grant_type="refresh_token", user=user)

    def minted(self, token: Token | None) -> int:
        """Return which of its grant's access tokens this is, in the order Zoho made them."""
        assert token
        zoho_user = self.zoho.user((token.user_name or "").partition(":")[0])
        (grant,) = self.zoho._state.grants.of_user(zoho_user)
        return [minted.value for minted in grant.access_tokens].index(
            str.__str__(token.access_token or "")
        )


@pytest.fixture
def cast(zoho: Sandbox, scene: Scene) -> Iterator[Cast]:
    with scene.keeper() as keeper:
        yield Cast(zoho, scene, keeper)


@pytest.mark.parametrize("fate", [signal.SIGSTOP, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_holder_lost_at_any_point_of_a_refresh_blocks_and_overwrites_nobody(
    kind: str, fate: signal.Signals, cast: Cast, soak: Soak
) -> None:
    ttl = LEASE_TTL if soak.full else SHORT_TTL
    for _ in range(soak.rounds(1, 3)):
        cast.expire()
        before = {user: cast.requests(user) for user in cast.users.values()}
        holders = {
            label: Hand(hold, cast.scene, ttl, user, label, fate)
            for label, user in cast.users.items()
        }
        asker = Hand(ask, cast.scene, ttl, list(cast.users.values()))
        try:
            rescued = rescue(holders, asker, fate)
        finally:
            woken = wake(holders) if fate == signal.SIGSTOP else {}
        for label, user in cast.users.items():
            sent = cast.requests(user) - before[user]
            answer = rescued[user]
            assert answer.token, f"{label}: {answer.error}"
            assert cast.keeper.accounts.owner(answer.token)[0] == answer.token.user_name
            assert 1 <= sent <= 2, label
            late = answer.seconds - ttl - LATER
            assert late <= (0 if soak.full else BUSY), label
            stored = cast.keeper.store.find_token_by_id(answer.token.id or "")
            assert cast.minted(stored) >= cast.minted(answer.token), f"{label}: overwritten"
            if woken:
                assert cast.minted(woken[label].token) >= 0, woken[label].error
            soak.note(
                f"the holder of a lease of {ttl:g} s is {'killed' if not woken else 'stopped'}",
                store=kind,
                at=label,
                token_calls=sent,
                takeover_s=round(answer.seconds, 2),
            )


def rescue(holders: dict[str, Hand], asker: Hand, fate: signal.Signals) -> dict[str, Answer]:
    """Ask for the tokens once all holders are lost."""
    assert asker.hear() == THERE
    for holder in holders.values():
        assert holder.hear() == THERE
        if fate == signal.SIGSTOP:
            holder.wait_until_stopped()
        else:
            holder.end()
    asker.tell("go")
    answers = [asker.hear() for _ in holders]
    asker.end()
    return {answer.user: answer for answer in answers}


def wake(holders: dict[str, Hand]) -> dict[str, Answer]:
    """Let those that were stopped go on; return what they answer their callers."""
    for holder in holders.values():
        holder.go_on()
    answers = {label: holder.hear() for label, holder in holders.items()}
    for holder in holders.values():
        holder.end()
    return answers
