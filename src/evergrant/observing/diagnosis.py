"""Explains why a user's token failed, was refreshed or is gone, by the most likely cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evergrant import errors
from evergrant._core.grant_state import is_dead
from evergrant._core.policy_enforcer import PolicyEnforcer
from evergrant._core.rate_limiter import MAX_GRANTS, RateLimiter
from evergrant._core.refreshable import refresh_blocker
from evergrant._core.shared_notes import SharedNotes
from evergrant._core.user_selection import select_user_token
from evergrant._core.validity import CLOCK_SLACK, is_stale, is_usable
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._user_names import belongs_to, near_names
from evergrant.accounts import Accounts
from evergrant.clock import from_epoch_ms, to_epoch_ms
from evergrant.errors import AmbiguousUser, CorruptRecord, EvergrantError, TokenNotFound
from evergrant.policy import NO_POLICY, Policy
from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = ["Diagnosis", "Finding"]

LEASE_PROBE_S = 0.05
"""How long we hold a lease to find out whether another process holds it."""

_GONE = {"Revoked": "revoked", "Forgotten": "deleted", "Moved": "moved"}
_ADVICE = {
    "revoked": "Log the user in again.",
    "deleted": "Log the user in again; Zoho was not told of the deletion.",
    "moved": "Look in the store it was moved to.",
}
_REASONS = {
    "ahead": "in its last minutes",
    "asked": "on request",
    "expired": "after it had expired",
    "kept fresh": "by a scheduler",
    "rejected": "after Zoho had rejected it",
}
"""Why a token was refreshed, in words; see `evergrant.events.Refreshed`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The cause that was found.

    Attributes:
        cause: The cause, for programs.
        what: What happened, in words.
        at: When, if known.
        by: Who did it, if known.
        hint: What to do next.
    """

    cause: str
    what: str
    at: datetime | None = None
    by: str | None = None
    hint: str = ""

    def __str__(self) -> str:
        when = f", at {self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if self.at else ""
        who = f", by {self.by}" if self.by else ""
        return f"{self.what}{when}{who}{f'. {self.hint}' if self.hint else ''}"

    @classmethod
    def from_error(cls, error: EvergrantError, at: datetime | None = None) -> Finding:
        """Return the finding for an error."""
        return cls(_split_words(type(error).__name__), error.message, at=at, hint=error.hint)


class Diagnosis:
    """Reads the store, its notes, the lifeboat and the audit log; changes and sends nothing.

    Args:
        lifeboat: The folder of the lifeboat.
        entries: The entries of the audit log, oldest first; empty if there is no log.
    """

    def __init__(
        self,
        store: TokenStore,
        accounts: Accounts,
        lifeboat: Path,
        *,
        policy: Policy = NO_POLICY,
        entries: Iterable[dict[str, Any]] = (),
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._boat = Lifeboat(lifeboat, store.url)
        self._notes = SharedNotes(store)
        self._enforcer = PolicyEnforcer(policy, store, self._notes, accounts.clock)
        self._rate_limiter = RateLimiter(self._notes, accounts.clock)
        self._entries = list(entries)
        self._now = accounts.clock()

    def why_id(self, token_id: str) -> Finding:
        """Return the most likely cause of the state of the token with this id."""
        try:
            token = self._store.find_token_by_id(token_id)
        except CorruptRecord as error:
            return Finding("corrupt", error.message, hint=error.hint)
        if token is not None:
            return next(self._findings(token))
        return Finding(
            "never here", "the store has no token with this id", hint="Run: evergrant list"
        )

    def why(self, user: str) -> Finding:
        """Return the most likely cause of the state of this user's token."""
        client = self._accounts.client
        try:
            found = self._store.find_users(user)
            token = select_user_token(
                found, user, client.client_id if client else None, self._rate_limiter.is_dead
            )
        except AmbiguousUser as error:
            names = ", ".join(error.candidates)
            return Finding(
                "ambiguous", f"the name matches {names}", hint="Use one of the full names."
            )
        except CorruptRecord as error:
            return Finding("corrupt", error.message, hint=error.hint)
        except TokenNotFound:
            return next(self._explain_missing(user, found))
        return next(self._findings(token))

    def _explain_missing(self, user: str, others: list[Token]) -> Iterator[Finding]:
        if others:
            clients = ", ".join(sorted(str(token.client_id) for token in others))
            hint = "Set that client's id, or log in with this one."
            yield Finding("another client", f"the token belongs to the client {clients}", hint=hint)
        if any(belongs_to(waiting.user_name or "", user) for waiting in self._boat.pending()):
            yield _pending_finding()
        corrupt: list[CorruptRecord] = []
        tokens = self._store.iter_tokens(on_corrupt=corrupt.append)
        names = [token.user_name or "" for token in tokens]
        for broken in corrupt:
            if belongs_to(broken.user or "", user):
                yield Finding("corrupt", broken.message, hint=broken.hint)
        yield from self._policy_findings(user)
        if close := near_names(user, names):
            hint = f"Did you mean {' or '.join(close)}?"
            yield Finding("other name", "the store has no token of this user", hint=hint)
        hint = "Run: evergrant login"
        yield Finding("never here", "the store has no token of this user", hint=hint)

    def _policy_findings(self, user: str) -> Iterator[Finding]:
        """Yield what the audit log says about a user without a token, latest first."""
        for entry in reversed(self._entries):
            # A login that failed before its user was known may have been this user's.
            event, whose = entry.get("event"), str(entry.get("user") or "")
            if event == "LoginFailed" and belongs_to(whose or user, user):
                yield _finding_from_entry(entry)
            elif belongs_to(whose, user) and (gone := _GONE.get(str(event))):
                what = f"the token was {gone}"
                yield Finding(gone, what, _parse_time(entry), _format_actor(entry), _ADVICE[gone])

    def _findings(self, token: Token) -> Iterator[Finding]:
        if any(_same_user(waiting, token) for waiting in self._boat.pending()):
            yield _pending_finding()
        if refusal := self._enforcer.refusal(token):
            ending = self._enforcer.expiry(token)
            what = f"the policy has ended it: {refusal.rule}"
            yield Finding("policy", what, ending and ending.at, hint=refusal.hint)
        usable = is_usable(token, self._now)
        if token.updated_at and token.updated_at > self._now + CLOCK_SLACK:
            what = (
                "it was saved in the future: this host's clock is slow, or the other one's was fast"
            )
            yield Finding("clock", what, token.updated_at, hint="Set the clocks (NTP).")
        problem = refresh_blocker(token, self._accounts)
        if problem and not (usable and isinstance(problem, errors.NoRefreshToken)):
            yield Finding.from_error(problem)
        yield from self._refresh_problems(token)
        if not self._is_free(token):
            yield Finding("being refreshed", "another process is refreshing it now")
        yield self._state_finding(token, usable=usable)

    def _refresh_problems(self, token: Token) -> Iterator[Finding]:
        usage, now = self._rate_limiter.state(token), to_epoch_ms(self._now)
        failed = usage.failure
        if failed and usage.requests and usage.requests[-1] > failed.at:
            failed = None
        what = f"revoked at Zoho, or pushed out: Zoho keeps {MAX_GRANTS} for a user and client"
        if is_dead(token, usage, self._now):
            since = from_epoch_ms(usage.dead_since)
            yield Finding("revoked at Zoho", what, since, hint=_ADVICE["revoked"])
        if usage.throttled_until > now:
            until = from_epoch_ms(usage.throttled_until)
            hint = f"It is refreshed after {until:%H:%M:%S} UTC; nothing else helps."
            yield Finding(
                "throttled", "Zoho throttles it", failed and from_epoch_ms(failed.at), hint=hint
            )
        if failed and failed.kind == "LoginRequired":
            yield Finding(
                "revoked at Zoho", what, from_epoch_ms(failed.at), hint=_ADVICE["revoked"]
            )
        if failed:
            kind = getattr(errors, failed.kind, EvergrantError)
            hint = getattr(kind, "default_hint", "")
            what = f"it could not be refreshed: {failed.message}"
            yield Finding(_split_words(failed.kind), what, from_epoch_ms(failed.at), hint=hint)
        free_at = usage.available_at(now)
        if free_at > now:
            hint = f"The next refresh is possible at {from_epoch_ms(free_at):%H:%M:%S} UTC."
            yield Finding("budget", "all refreshes that Zoho allows have been used", hint=hint)
        last = next((one for one in reversed(self._entries) if _is_of_token(one, token)), None)
        failures = {"RefreshFailed", "SaveFailed", "LoginFailed"}
        if last and last.get("event") in failures and not _is_older(last, token):
            yield _finding_from_entry(last)

    def _is_free(self, token: Token) -> bool:
        lease = self._store.lease(token.id or "", LEASE_PROBE_S)
        is_free = bool(lease)
        lease.release()
        return is_free

    def _state_finding(self, token: Token, *, usable: bool) -> Finding:
        if not usable:
            what = "its access token has expired; the next call refreshes it"
            return Finding("due", what, token.expires_at)
        refreshed = next(
            (
                one
                for one in reversed(self._entries)
                if one.get("event") in {"Refreshed", "LoggedIn"} and _is_of_token(one, token)
            ),
            None,
        )
        if refreshed and refreshed.get("event") == "Refreshed":
            cause = str(refreshed.get("cause", "refreshed"))
            what = f"its token works; it was refreshed {_REASONS.get(cause, '')}".rstrip()
            return Finding(cause, what, _parse_time(refreshed), _format_actor(refreshed))
        if is_stale(token, self._now):
            return Finding("stale", "its token works, and is about to be refreshed")
        return Finding("works", "its token works, since it was saved", token.updated_at)


def _pending_finding() -> Finding:
    return Finding(
        "unsaved",
        "the newest token could not be saved to the store; it waits in the lifeboat",
        hint="Run: evergrant doctor --repair",
    )


def _split_words(kind: str) -> str:
    return "".join(f" {one.lower()}" if one.isupper() else one for one in kind).strip()


def _finding_from_entry(entry: dict[str, Any]) -> Finding:
    doing = {"LoginFailed": "the login failed", "SaveFailed": "it could not be saved"}
    failed = doing.get(str(entry.get("event")), "it could not be refreshed")
    what = f"{failed}: {entry.get('message', '')}"
    name, hint = _split_words(str(entry.get("error", ""))), str(entry.get("hint", ""))
    return Finding(name, what, _parse_time(entry), _format_actor(entry), hint)


def _parse_time(entry: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(entry.get("at")))
    except ValueError:
        return None


def _format_actor(entry: dict[str, Any]) -> str | None:
    parts = [entry.get("actor"), entry.get("program"), entry.get("host"), entry.get("remote")]
    return " ".join(str(part) for part in parts if part) or None


def _is_older(entry: dict[str, Any], token: Token) -> bool:
    """Return True if a token was saved after an entry, by a process without an audit log."""
    at = _parse_time(entry)
    return bool(at and token.updated_at and at < token.updated_at)


def _is_of_token(entry: dict[str, Any], token: Token) -> bool:
    return entry.get("token_id") == token.id and entry.get("user") in (None, token.user_name)


def _same_user(one: Token, other: Token) -> bool:
    return one.id == other.id and one.user_name in (None, other.user_name)
