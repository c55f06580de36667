"""Users with habits: some call each minute, some every few hours; they revoke, and return."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random

from evergrant.errors import (
    AccountsUnavailable,
    EvergrantError,
    LoginRequired,
    StoreUnavailable,
    TokenNotFound,
    TokenNotSaved,
)
from evergrant.sandbox import Sandbox
from tests.simulation.invariant_checker import InvariantChecker
from tests.simulation.processes import Fleet
from tests.simulation.timeline import Timeline
from tests.simulation.user import HOUR, KEPT_LIFE, LONG_JOB, MINUTE, Person

__all__ = ["People"]


class People:
    """Everybody who uses the app, and what they do on a timeline."""

    def __init__(
        self,
        zoho: Sandbox,
        fleet: Fleet,
        checker: InvariantChecker,
        timeline: Timeline,
        random: Random,
    ) -> None:
        self._zoho = zoho
        self._fleet = fleet
        self._checker = checker
        self._timeline = timeline
        self._random = random
        self._all: list[Person] = []

    def join(self) -> None:
        """Let somebody new log in and begin to use the app."""
        number = len(self._all)
        email = f"user{number}@example.com"
        self._zoho.add_user(email)
        pause = MINUTE if number % 16 == 0 else self._random.choice([0.5, 1, 2, 8]) * HOUR
        lives = {3: KEPT_LIFE, 4: KEPT_LIFE / 5, 5: LONG_JOB}
        person = Person(email, pause, lives.get(number % 40, timedelta(0)))
        self._all.append(person)
        self._log_in(person)

    def _log_in(self, person: Person) -> None:
        # The console's codes live longer, and the test of who may ask for how many is another.
        code = self._zoho.grant_code(person.email, self_client=True)
        try:
            self._fleet.any().login_with_code(code)
        except TokenNotSaved:
            self._checker.counts["logins that went into the lifeboat"] += 1
            person.adrift = True
        except AccountsUnavailable:
            self._timeline.after(5 * MINUTE, partial(self._log_in, person))
            return
        self._checker.counts["logins"] += 1
        person.grant, person.revoked = self._checker.newest_grant(person.email), False
        if not person.calls:
            person.calls = True
            self._timeline.after(self._random.random() * person.pause, partial(self._call, person))

    def _call(self, person: Person) -> None:
        before = self._checker.here
        try:
            token = self._fleet.any().token(person.email, min_ttl=person.min_ttl)
        except EvergrantError as error:
            self._checker.refused(error, person)
            if isinstance(error, LoginRequired | TokenNotFound) and not person.adrift:
                self._leave(person)
        else:
            self._checker.handed_out(token, person)
        if self._checker.here > before:
            self._checker.waited(person)
        if person.calls:
            pause = person.pause * self._random.uniform(0.5, 1.5)
            self._timeline.after(pause, partial(self._call, person))

    def _leave(self, person: Person) -> None:
        """Use the app no longer; most come back, and log in anew, and others come instead."""
        person.calls = False
        returns = self._random.random() < 4 / 5
        pause = self._random.uniform(0.1, 12) * HOUR
        self._timeline.after(pause, partial(self._log_in, person) if returns else self.join)

    def one_logs_in_anew(self) -> None:
        """Let somebody who need not log in do so: another grant takes the old one's place."""
        self._pick(self._log_in)

    def one_revokes_at_zoho(self) -> None:
        """Let somebody end the grant under Connected Apps, where the app does not see it."""

        def revoke(person: Person) -> None:
            self._zoho.revoke(person.email)
            person.revoked = True

        self._pick(revoke)

    def one_revokes_in_the_app(self) -> None:
        """Let somebody have the app end the grant."""

        def revoke(person: Person) -> None:
            try:
                self._fleet.any().revoke(person.email)
            except AccountsUnavailable:
                return
            except StoreUnavailable:
                person.revoked = not self._checker.honours(person.grant)
                return
            person.grant = None

        self._pick(revoke)

    def _pick(self, action: Callable[[Person], None]) -> None:
        able = [p for p in self._all if p.calls and p.grant and not p.revoked and not p.adrift]
        action(self._random.choice(able))

    def count_the_lost(self) -> None:
        """Compare what Zoho honours, and nobody has ended, with what the store holds."""
        store, checker = self._fleet.any().store, self._checker
        for person in self._all:
            if person.grant and checker.honours(person.grant):
                held = [token.refresh_token for token in store.find_users(person.email)]
                checker.found(person, [str.__str__(secret) for secret in held if secret])
        checker.counts["times that all grants were looked up"] += 1

    def all_is_restored(self) -> None:
        """Note that what could not be saved has been by now."""
        for person in self._all:
            person.adrift = False
