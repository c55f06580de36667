"""One user, one holder and one asker for each point of a refresh, all at the same time."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from datetime import timedelta

from evergrant import Keeper, Token, TokenStore
from evergrant.sandbox import Sandbox
from tests.support.faults.killable_processes import Hand
from tests.support.faults.scene import Scene
from tests.support.faults.stopped_refresh import LABELS, THERE, Answer, ask, hold

__all__ = ["BUSY", "LATER", "Cast", "Outcome", "expire", "requests"]

LATER = 1.0
"""Seconds after the lease's end by which another process has a token."""

BUSY = 20.0
"""Seconds more on a machine that runs other tests at the same time."""


@dataclass
class Outcome:
    """What became of the refresh whose holder was lost at one point.

    Attributes:
        sent: Requests that Zoho saw.
        rescued: What another process got.
        woken: What the holder answered its caller once it went on; None: it was killed.
    """

    label: str
    sent: int
    rescued: Answer
    woken: Answer | None


class Cast:
    """Users of a store, and the processes that work for them."""

    def __init__(self, zoho: Sandbox, scene: Scene, keeper: Keeper) -> None:
        self._zoho, self._scene, self._keeper = zoho, scene, keeper
        self._users = {label: f"{label.replace(' ', '.')}@example.com" for label in LABELS}
        for user in self._users.values():
            zoho.add_user(user)
            keeper.login_with_code(zoho.grant_code(user), user)

    def play(
        self, fate: signal.Signals, ttl: float, *, holders_ahead: float = 0.0
    ) -> list[Outcome]:
        """Let all tokens expire, and the holder of each lease be lost at its own point.

        Args:
            ttl: Seconds that leases run.
            holders_ahead: Seconds that the holders' clocks are ahead of ours.
        """
        expire(self._keeper.store)
        before = {label: requests(self._zoho, user) for label, user in self._users.items()}
        theirs = replace(self._scene, ahead=holders_ahead)
        holders = {
            label: Hand(hold, theirs, ttl, user, label, fate) for label, user in self._users.items()
        }
        asker = Hand(ask, self._scene, ttl, [*self._users.values()])
        woken: dict[str, Answer] = {}
        try:
            rescued = _rescue(holders, asker, fate)
        finally:
            if fate == signal.SIGSTOP:
                woken = _wake(holders)
        return [
            Outcome(
                label, requests(self._zoho, user) - before[label], rescued[user], woken.get(label)
            )
            for label, user in self._users.items()
        ]

    def check(self, outcome: Outcome) -> None:
        """Make sure that whoever asked got a token that works, and that nothing newer is lost."""
        label, rescued, woken = outcome.label, outcome.rescued, outcome.woken
        assert rescued.token, f"{label}: {rescued.error}"
        assert 1 <= outcome.sent <= 2, f"{label}: {outcome.sent} requests"
        stored = self._keeper.store.find_token_by_id(rescued.token.id or "")
        assert self._age(stored) >= self._age(rescued.token), f"{label}: a newer token is lost"
        for token in [rescued.token, *([woken.token] if woken else [])]:
            assert token, f"{label}: {woken}"
            assert self._keeper.accounts.fetch_owner(token)[0] == token.user_name, label

    def _age(self, token: Token | None) -> int:
        """Return which of its grant's access tokens this is, in the order Zoho made them."""
        assert token
        person = self._zoho.user((token.user_name or "").partition(":")[0])
        (grant,) = self._zoho._state.grants.of_user(person)
        minted = [access_token.value for access_token in grant.access_tokens]
        return minted.index(str.__str__(token.access_token or ""))


def expire(store: TokenStore) -> None:
    """Let all stored tokens be over."""
    for token in store.get_tokens():
        assert token.expires_at
        past = replace(token, expires_at=token.expires_at - timedelta(hours=2))
        store.save_token(past, expected_version=token.version)


def requests(zoho: Sandbox, user: str) -> int:
    """Return how often Zoho was asked to refresh this user's token."""
    return zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token", user=user)


def _rescue(holders: dict[str, Hand], asker: Hand, fate: signal.Signals) -> dict[str, Answer]:
    """Ask for the tokens once all holders are lost."""
    assert asker.hear() == THERE
    for label, holder in holders.items():
        told = holder.hear()
        assert told == THERE, f"{label}: {told}"
        if fate == signal.SIGSTOP:
            holder.wait_until_stopped()
        else:
            holder.end()
    asker.tell("go")
    answers = [asker.hear() for _ in holders]
    asker.end()
    return {answer.user: answer for answer in answers}


def _wake(holders: dict[str, Hand]) -> dict[str, Answer]:
    """Let those that were stopped go on; return what they answer their callers."""
    for holder in holders.values():
        holder.go_on()
    answers = {label: holder.hear() for label, holder in holders.items()}
    for holder in holders.values():
        holder.end()
    return answers
