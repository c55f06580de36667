"""Sees all that Zoho is asked and all that is handed out, and says what was wrong."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Literal
from urllib.parse import parse_qs

from evergrant import Token
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant.errors import (
    AccountsUnavailable,
    EvergrantError,
    LoginRequired,
    StoreUnavailable,
    TokenNotFound,
    TokenNotSaved,
)
from evergrant.sandbox import Sandbox
from evergrant.sandbox.faults import TOKEN_PATH
from evergrant.sandbox.models import Grant
from evergrant.testing.in_process_transport import in_process_transport
from tests.simulation.user import LONG_JOB, MINUTE, Person

__all__ = ["InvariantChecker"]

WINDOW = 10
"""Minutes: Zoho counts in spans of ten, and so does the peak."""

LIVE = 15
"""Access tokens of one grant that live at a time, as Zoho documents it."""


class InvariantChecker:
    """Stands beside the sandbox, and knows what it knows.

    Args:
        scheduler: Whether tokens are kept fresh; else who calls rarely has to wait.

    Attributes:
        wrong: What should never happen, each time it did.
        counts: What may happen.
        outage: What is down, or was until two minutes ago: until then, who calls each minute has
            called again.
        here: Requests for an access token that a caller's own thread has made.
    """

    def __init__(self, zoho: Sandbox, *, scheduler: bool) -> None:
        self.wrong: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.outage: Literal["accounts server", "store"] | None = None
        self.here = 0
        self._scheduler = scheduler
        self._zoho = zoho
        self._grants = zoho._state.grants
        self._send = in_process_transport(zoho)
        self._began = zoho.clock()
        self._caller = threading.current_thread()
        self._lock = threading.Lock()
        self._by_minute: Counter[int] = Counter()

    def send(self, call: HttpRequest) -> HttpResponse:
        """Carry a request to the sandbox."""
        if not call.url.endswith(TOKEN_PATH):
            return self._send(call)
        fields = parse_qs(call.body.decode())
        if fields["grant_type"] == ["refresh_token"]:
            self._note_refresh(fields["refresh_token"][0])
        answer = self._send(call)
        if b"denied" in answer.body.lower():
            self.wrong["Zoho said Access Denied"] += 1
        return answer

    def _note_refresh(self, refresh_token: str) -> None:
        now = self._zoho.clock()
        with self._lock:
            self.counts["requests for an access token"] += 1
            # Rounded: a round on the stroke of a minute must not slip into the one before.
            self._by_minute[round((now - self._began).total_seconds()) // int(MINUTE)] += 1
            self.here += threading.current_thread() is self._caller
            grant = self._grants.by_refresh_token(refresh_token)
            if grant is None:
                self.counts["requests with a dead grant"] += 1
            elif sum(now < token.expires_at for token in grant.access_tokens) >= LIVE:
                self.wrong["a living access token is pushed out"] += 1

    def handed_out(self, token: Token, person: Person) -> None:
        """Look at a token that a person got."""
        now = self._zoho.clock()
        self.counts["tokens handed out"] += 1
        living = self._grants.access_token(str.__str__(token.access_token), now)
        if living is None:
            self._expect("a dead token, of a revoked grant", person.revoked or person.adrift)
        elif living.grant.user.email != person.email:
            self.wrong["another user's token"] += 1
        elif living.expires_at - now < person.min_ttl:
            self.wrong["less life than was asked for"] += 1

    def refused(self, error: EvergrantError, person: Person) -> None:
        """Look at an error that a person got instead."""
        ended = person.revoked or person.grant is None or person.adrift
        expected = {
            LoginRequired: ended,
            TokenNotFound: ended,
            StoreUnavailable: self.outage == "store",
            TokenNotSaved: self.outage == "store",
            # Who has to ask Zoho may meet its trouble: see `waited` for whether they had to.
            AccountsUnavailable: True,
        }
        self._expect(type(error).__name__, expected.get(type(error), False))

    def waited(self, person: Person) -> None:
        """Note that a person's own call had to ask Zoho."""
        if person.revoked:
            self.counts["waits for word that the grant is gone"] += 1
        elif person.min_ttl == LONG_JOB:
            self.counts["waits for a long job's token"] += 1
        elif self.outage:
            whose = "for more life " if person.min_ttl else ""
            self.counts[f"waits {whose}while the {self.outage} was down"] += 1
        elif person.pause > MINUTE and not self._scheduler:
            self.counts["waits of who calls rarely"] += 1
        else:
            self.wrong["a caller waited"] += 1

    def found(self, person: Person, refresh_tokens: list[str]) -> None:
        """Look at what the store holds of a person whose last grant Zoho honours."""
        grants = [self._grants.by_refresh_token(value) for value in refresh_tokens]
        self.wrong["several rows of one user"] += len(grants) > 1
        self.wrong["a lost grant"] += person.grant not in grants

    def _expect(self, what: str, expected: bool) -> None:  # noqa: FBT001 - it is the point
        (self.counts if expected else self.wrong)[what] += 1

    def newest_grant(self, email: str) -> Grant | None:
        """Return what a user has granted last, as far as it was not ended since."""
        grants = self._grants.of_user(self._zoho.user(email))
        return next((grant for grant in reversed(grants) if grant.refresh_token), None)

    def honours(self, grant: Grant | None) -> bool:
        """Return True if Zoho would still refresh with a grant."""
        return (
            grant is not None and self._grants.by_refresh_token(grant.refresh_token or "") is grant
        )

    def peak(self, spans: Iterable[range]) -> tuple[int, float]:
        """Return the most requests for access tokens in any ten of these minutes, and the mean."""
        sums = [
            sum(self._by_minute[minute] for minute in range(first, first + WINDOW))
            for span in spans
            for first in span[: 1 - WINDOW]
        ]
        return max(sums), sum(sums) / len(sums)
