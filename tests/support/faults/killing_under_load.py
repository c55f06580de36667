"""Processes at work on one store, some of whom are killed all the time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from evergrant.sandbox import Sandbox
from evergrant.sandbox.settings import Settings
from tests.support.faults.killable_processes import PATIENCE, Hand
from tests.support.faults.saved_claims import Claims, is_whole
from tests.support.faults.scene import Scene
from tests.support.faults.work import Claim, log_in_and_refresh, save

__all__ = ["PATIENT", "Siege"]

PATIENT = Settings(
    mints=10**6, active_access_tokens=10**6, refresh_mints=10**6, refresh_tokens_per_user=10**6
)
"""A Zoho that grants one user more in a minute than people ask for in a year."""

WITHIN = 0.06
"""Seconds within which the next one is killed."""

AT_THE_START = 0.1
"""Share of those that are killed before they may have begun to work: while they open the store."""

CODES = 25
"""Logins of one process, at the most; a code lives for two minutes."""

SAVERS = ("saver-a", "saver-b")
LOGGED_IN = ("ann@example.com", "ben@example.com")


class Siege:
    """Four processes: two save, two log in and refresh; each that ends is replaced.

    Attributes:
        claims: What they said that they had saved.
    """

    def __init__(self, zoho: Sandbox, scene: Scene) -> None:
        self._zoho = zoho
        self._scene = scene
        self._hands: dict[str, Hand] = {}
        self.claims = Claims()
        with scene.keeper() as keeper:
            for email in LOGGED_IN:
                zoho.add_user(email)
                self.claims.note(Claim(keeper.login_with_code(zoho.grant_code(email), email)))

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Let them work meanwhile; afterwards all are killed."""
        try:
            self.fill_up()
            yield
        finally:
            for name in list(self._hands):
                self._kill(name)

    @property
    def pids(self) -> list[int]:
        """The numbers of those at work."""
        return [hand.pid for hand in self._hands.values()]

    def fill_up(self) -> None:
        """Replace those that have ended."""
        for name in (*SAVERS, *LOGGED_IN):
            hand = self._hands.get(name)
            if hand and hand.is_alive:
                continue
            if hand:
                self._note(self._hands.pop(name).end())
            if name in SAVERS:
                self._hands[name] = Hand(save, self._scene, name)
            else:
                codes = [self._zoho.grant_code(name) for _ in range(CODES)]
                self._hands[name] = Hand(log_in_and_refresh, self._scene, name, codes)

    def kill_one(self) -> None:
        """Kill one of them soon, and let another take its place."""
        victim = random.choice(list(self._hands))
        if random.random() > AT_THE_START:
            with suppress(EOFError):  # it has come to the end of its work
                self._note([self._hands[victim].hear()])
        time.sleep(random.uniform(0, WITHIN))
        self._kill(victim)
        self.fill_up()

    def _kill(self, name: str) -> None:
        self._note(self._hands.pop(name).kill())

    def _note(self, told: list[object]) -> None:
        for message in told:
            self.claims.note(message)

    def listen(self) -> None:
        """Take down what they said until now."""
        for hand in self._hands.values():
            self._note(list(hand.heard()))

    def wait_for_saves(self) -> None:
        """Return once something more was saved."""
        before, give_up = self.claims.number, time.monotonic() + PATIENCE
        while self.claims.number == before:
            assert time.monotonic() < give_up, f"nothing is saved: {self.claims.last_trouble}"
            time.sleep(0.01)
            self.fill_up()
            self.listen()

    def check(self) -> None:
        """Open the store anew, and look whether all that was claimed is there."""
        self.listen()
        with self._scene.open() as store:
            self.claims.check(store)

    def check_at_last(self) -> None:
        """Restore the lifeboat, and look at everything, also with Zoho; nobody is at work."""
        with self._scene.keeper() as keeper:
            self.claims.check(keeper.store)
            is_whole(self._scene.store)
            self.claims.check_grants(self._zoho, keeper.store)
            for email in LOGGED_IN:
                assert keeper.accounts.refresh(keeper.find(email)).access_token
