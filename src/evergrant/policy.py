"""Policies: how long a login may last, how many there may be, and which scopes it may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple, Self

from evergrant.errors import ConfigError

__all__ = ["NO_POLICY", "Policy", "PolicyExpiry"]

_SPAN = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SPANS = ("session_timeout", "idle_timeout", "max_age", "dead_after")
_NUMBERS = ("max_tokens_per_user", "max_tokens_per_client")

MIN_IDLE_TIMEOUT = timedelta(minutes=5)
"""The shortest idle timeout. Use is written to the store only now and then, not at each call."""


MAX_SPAN = timedelta(days=36_500)
"""A hundred years. A datetime that far in the future is still valid."""


class PolicyExpiry(NamedTuple):
    """When the policy ends a token, and by which rule."""

    at: datetime
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules for tokens. None means no limit.

    Attributes:
        session_timeout: How long after a login the user must log in again.
        idle_timeout: How long a token may be unused. Background refreshes do not count as use.
        max_age: How long after a grant the user must consent again (``prompt=consent``).
        dead_after: How long a token that can never work again is kept before `purge` deletes it.
        max_tokens_per_user: How many tokens a user may have, over all clients and orgs.
        max_tokens_per_client: How many tokens a client may have, over all users.
        allowed_scopes: The scopes that a grant may have, such as ``ZohoCRM.modules.*``; empty
            means any. The scopes for finding out the user are always allowed.

    Raises:
        ConfigError: A limit is not positive, a duration is longer than a hundred years, or the
            idle timeout is shorter than five minutes.
    """

    session_timeout: timedelta | None = None
    idle_timeout: timedelta | None = None
    max_age: timedelta | None = None
    dead_after: timedelta | None = None
    max_tokens_per_user: int | None = None
    max_tokens_per_client: int | None = None
    allowed_scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in _SPANS:
            span = getattr(self, name)
            if span is not None and not (isinstance(span, timedelta) and span > timedelta(0)):
                raise ConfigError(f"policy: {name} must be a positive timedelta, not {span!r}")
            if span and span > MAX_SPAN:
                raise ConfigError(
                    f"policy: {name} is longer than {MAX_SPAN.days} days",
                    hint="Leave it out to set no limit.",
                )
        for name in _NUMBERS:
            number = getattr(self, name)
            if number is not None and not (type(number) is int and number > 0):
                raise ConfigError(f"policy: {name} must be a positive number, not {number!r}")
        if self.idle_timeout and self.idle_timeout < MIN_IDLE_TIMEOUT:
            raise ConfigError(f"policy: idle_timeout must be {MIN_IDLE_TIMEOUT} at least")
        if isinstance(self.allowed_scopes, str):
            raise ConfigError("policy: allowed_scopes must be a tuple of strings")
        object.__setattr__(self, "allowed_scopes", tuple(self.allowed_scopes))

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> Self:
        """Return the policy of a TOML table, with durations such as ``"12h"`` or whole seconds.

        Raises:
            ConfigError: A key is unknown, or a value is not valid for its key.
        """
        known = [field.name for field in fields(cls)]
        unknown = [key for key in table if key not in known]
        if unknown:
            raise ConfigError(
                f"policy: unknown key {unknown[0][:30]!r}", hint=f"Known keys: {', '.join(known)}."
            )
        read = {key: _parse_span(key, value) for key, value in table.items() if key in _SPANS}
        scopes = table.get("allowed_scopes", [])
        if not isinstance(scopes, list) or not all(isinstance(one, str) and one for one in scopes):
            raise ConfigError("policy: allowed_scopes must be a list of strings")
        numbers = {key: value for key, value in table.items() if key in _NUMBERS}
        return cls(**read, **numbers, allowed_scopes=tuple(scopes))  # type: ignore[arg-type]

    def disallowed_scopes(self, scopes: Iterable[str]) -> list[str]:
        """Return the scopes that a grant may not have."""
        allowed = [one.casefold() for one in self.allowed_scopes]
        return [
            scope
            for scope in (scopes if self.allowed_scopes else ())
            if not any(fnmatchcase(scope.casefold(), pattern) for pattern in allowed)
        ]

    @property
    def usage_write_interval(self) -> timedelta | None:
        """How old the stored last use may be before it is written again; None means never."""
        return self.idle_timeout and max(timedelta(minutes=1), self.idle_timeout / 20)


def _parse_span(key: str, value: object) -> timedelta:
    if type(value) is int and 0 < value < 10**10:
        return timedelta(seconds=value)
    form = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if form is None:
        raise ConfigError(
            f"policy: {key} must be a duration",
            hint='Write "30d", "12h", "15m" or "45s", or a whole number of seconds.',
        )
    return timedelta(**{_UNITS[form[2]]: int(form[1])})


NO_POLICY = Policy()
"""A policy without limits."""
