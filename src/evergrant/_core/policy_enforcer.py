"""The policy check: when a policy ends each token, and what it lets in; records logins and use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from evergrant._core.shared_notes import SharedNotes
from evergrant._core.timestamps import Timestamps
from evergrant._core.validity import CLOCK_SLACK, Validity
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._oauth.identity import is_identity_scope
from evergrant.accounts import Accounts
from evergrant.clock import Clock, from_epoch_ms, to_epoch_ms
from evergrant.errors import ConfigError, EvergrantError, PolicyRefused
from evergrant.policy import NO_POLICY, Policy, PolicyExpiry
from evergrant.stores.base import TokenStore
from evergrant.stores.rows import numeric_id
from evergrant.token import Freshness, Token, identify

__all__ = ["PolicyEnforcer", "still_alive_error"]

_logger = RateLimitedLog()

_WHAT_TO_DO = {
    "max_age": "Log the user in again, with prompt_consent=True (prompt=consent).",
    "allowed_scopes": "Log in again, for fewer scopes.",
}


class PolicyEnforcer:
    """The rules of one policy, as they apply to the tokens of one store."""

    def __init__(self, policy: Policy, store: TokenStore, notes: SharedNotes, clock: Clock) -> None:
        self.policy = policy
        self._store = store
        self.notes = notes
        self.clock = clock
        self._timestamps = Timestamps(clock, store.storage_time)
        needed = {"created_at"} if policy.max_age or policy.session_timeout else set()
        needed |= {"last_used_at"} if policy.idle_timeout else set()
        if missing := needed - set(store.stored_fields):
            raise ConfigError(
                f"{store.url} has no place for what the policy needs: {', '.join(sorted(missing))}",
                hint="Let evergrant extend the table, or take another store.",
            )

    def now(self) -> datetime:
        """Return the present moment, by the clock that decides how old tokens are."""
        return self._timestamps.now()

    def expiry(self, token: Token) -> PolicyExpiry | None:
        """Return when the policy ends a token, and by which rule, or None if it never does."""
        return min(self._expiries(token), default=None)

    def _expiries(self, token: Token) -> Iterator[PolicyExpiry]:
        policy, moments = self.policy, self._timestamps
        begun = moments.past(token, token.created_at or token.updated_at)
        used = moments.past(token, _used(token)) or begun
        if policy.max_age and begun:
            yield PolicyExpiry(begun + policy.max_age, "max_age")
        if policy.session_timeout and begun:
            at = begun + policy.session_timeout
            # Most users have logged in once: the note is read only where it makes a difference.
            if at <= self._timestamps.now() and (later := self._login(token)):
                at = max(at, later + policy.session_timeout)
            yield PolicyExpiry(at, "session_timeout")
        if policy.idle_timeout and used:
            yield PolicyExpiry(used + policy.idle_timeout, "idle_timeout")
        if self._excess(token):
            yield PolicyExpiry(begun or self._timestamps.now(), "allowed_scopes")

    def _login(self, token: Token) -> datetime | None:
        noted = self.notes.read("login", token.id or "")
        return self._timestamps.past(token, from_epoch_ms(int(noted))) if noted.isdigit() else None

    def _excess(self, token: Token) -> list[str]:
        refused = self.policy.disallowed_scopes(token.scopes)
        # Without these it cannot be told whose the grant is.
        return [scope for scope in refused if not is_identity_scope(scope)]

    def refusal(self, token: Token) -> PolicyRefused | None:
        """Return the `PolicyRefused` to raise for a token that the policy has ended, or None."""
        ending = self.expiry(token)
        if ending is None or self._timestamps.now() < ending.at:
            return None
        if ending.rule == "allowed_scopes":
            what = f"{', '.join(self._excess(token))} is not allowed"
        else:
            what = f"it ended at {ending.at:%Y-%m-%d %H:%M} UTC"
        return PolicyRefused(
            f"the policy does not let this token be used any more: {ending.rule}, {what}",
            rule=ending.rule,
            hint=_WHAT_TO_DO.get(ending.rule, "Log the user in again."),
            **identify(token),
        )

    def require(self, token: Token) -> Token:
        """Return the token if the policy lets it be used.

        Raises:
            PolicyRefused: The policy has ended it.
        """
        if refusal := self.refusal(token):
            raise refusal
        return token

    def expired_by(self, token: Token) -> str | None:
        """Return the rule that ended this token (or ``dead``), or None if it is still usable.

        A dead token can never work again: it has expired, and has no refresh token.
        """
        now = self._timestamps.now()
        if (ending := self.expiry(token)) and now >= ending.at:
            return ending.rule
        if token.refresh_token or not token.access_token or not token.expires_at:
            return None
        kept = self.policy.dead_after or timedelta(0)
        is_dead = token.freshness(now) is Freshness.EXPIRED and now >= token.expires_at + kept
        return "dead" if is_dead else None

    def limit(self, token: Token, validity: Validity) -> Validity:
        """Return when the policy lets a token be used, and when a record of use is due, too."""
        ending, every, used = self.expiry(token), self.policy.usage_write_interval, _used(token)
        due = used + every if every and used else None
        return validity.limited_to(not_after=ending and ending.at, refresh_at=due)

    def is_use_record_due(self, token: Token) -> bool:
        """Return True if it is time to record that a token is used."""
        every = self.policy.usage_write_interval
        used = _used(token)
        if every is None or used is None:
            return every is not None
        self._timestamps.past(token, used)  # it may show that our own clock is behind
        # Recorded by a fast clock: recording it again mends that.
        return not used - CLOCK_SLACK <= self._timestamps.now() < used + every

    def with_use_recorded(self, token: Token) -> Token | None:
        """Return the token to store after use, or None if nothing is to be recorded yet."""
        if not self.is_use_record_due(token):
            return None
        return replace(
            self._timestamps.without_future(token) or token, last_used_at=self._timestamps.now()
        )

    def with_past_timestamps(self, token: Token) -> Token | None:
        """Return the token to store in place of one with future times, or None if it has none."""
        mended = self._timestamps.without_future(token) if self.policy != NO_POLICY else None
        if mended and self.policy.session_timeout and (login := self._login(token)):
            self._record_login(token, login)
        return mended

    def record_login(self, token: Token) -> None:
        """Record that a user has just logged in: the token itself is as old as its grant."""
        if self.policy.session_timeout:
            self._record_login(token, self._timestamps.now())

    def _record_login(self, token: Token, at: datetime) -> None:
        life = (self.policy.session_timeout or timedelta(0)).total_seconds()
        self.notes.update("login", token.id or "", lambda _: str(to_epoch_ms(at)), life=life)

    def scope_violation(self, granted: Token) -> PolicyRefused | None:
        """Return the violation of a grant that covers too much to be stored, or None."""
        if excess := self._excess(granted):
            return _refused(granted, "allowed_scopes", f"{', '.join(excess)} is not allowed")
        return None

    def violation(self, token: Token) -> PolicyRefused | None:
        """Return the policy violation of a login that was just stored, or None."""
        for rule, most, others in self._counts(token):
            before = (other for other in others if _is_before(other, token))
            if sum(not self.expired_by(other) for other in before) >= most:
                return _refused(token, rule, f"there are {most} tokens already")
        return None

    def _of_user(self, name: str) -> Iterator[Token]:
        if "@" in name:
            yield from self._store.find_users(name.partition(":")[0])
            return
        # A key of the caller's own: what stands before its colon is no user name.
        yield from (one for one in self._store.find_users(name) if one.user_name == name)

    def _counts(self, token: Token) -> Iterator[tuple[str, int, Iterator[Token]]]:
        most = self.policy.max_tokens_per_user
        if most and token.user_name:
            yield "max_tokens_per_user", most, self._of_user(token.user_name)
        most = self.policy.max_tokens_per_client
        if most:
            everybody = self._store.iter_tokens()
            ours = (one for one in everybody if one.client_id == token.client_id)
            yield "max_tokens_per_client", most, ours


def still_alive_error(
    objection: PolicyRefused, token: Token, accounts: Accounts, error: EvergrantError
) -> PolicyRefused:
    """Return the refusal of a grant, with the hint that it is still alive and how to end it.

    Args:
        error: Why it could not be revoked.
    """
    where = accounts.data_center_of(token)
    objection.hint = (
        f"It could not be revoked ({error.message}) and lives on at Zoho: its user can end it "
        f"under Connected apps at {where.accounts_url}/home. {objection.hint}"
    )
    _logger.warning("%s", objection)
    return objection


def _used(token: Token) -> datetime | None:
    """Return when a token was last used, if that was recorded, else when it was saved."""
    return token.last_used_at or token.updated_at


def _is_before(other: Token, token: Token) -> bool:
    """Return True if another token came first: of two logins at once, one must stay.

    A user who logs in again keeps the row, and so the place.
    """
    return _place(other) < _place(token)


def _place(token: Token) -> tuple[int, int, str]:
    id_ = token.id or ""
    return numeric_id(id_), to_epoch_ms(token.created_at) if token.created_at else 0, id_


def _refused(token: Token, rule: str, why: str) -> PolicyRefused:
    return PolicyRefused(
        f"the policy does not allow this login: {rule}, {why}; it was not kept",
        rule=rule,
        hint=_WHAT_TO_DO.get(rule, "Revoke a token that is not needed, and log in again."),
        **identify(token),
    )
