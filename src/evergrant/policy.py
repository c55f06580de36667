"""Policies: how long a login may last, how many there may be, and what they may cover."""

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
"""The shortest idle timeout: use is noted now and then, not at each call."""


MAX_SPAN = timedelta(days=36_500)
"""A hundred years: a moment that far from now is still one that a calendar has."""


class PolicyExpiry(NamedTuple):
    """When a token's time is over, and by which rule."""

    at: datetime
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a token must keep to; what is None sets no limit.

    Attributes:
        session_timeout: How long after a login its user must log in again.
        idle_timeout: How long a token may go unused; refreshes that nobody asked for are no use.
        max_age: How long after a grant its user must consent anew (``prompt=consent``).
        dead_after: How long a token that can never work again is kept until `purge` takes it.
        max_tokens_per_user: Tokens that one user may have, over all clients and orgs.
        max_tokens_per_client: Tokens that a client may have, over all users.
        allowed_scopes: Scopes that a grant may cover, such as ``ZohoCRM.modules.*``; empty: any.
            What it takes to learn whose a grant is may always be covered.

    Raises:
        ConfigError: A limit is not positive, a span is longer than a hundred years, or an
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
                    hint="Leave it out where nothing is to be limited.",
                )
        for name in _NUMBERS:
            number = getattr(self, name)
            if number is not None and not (type(number) is int and number > 0):
                raise ConfigError(f"policy: {name} must be a positive number, not {number!r}")
        if self.idle_timeout and self.idle_timeout < MIN_IDLE_TIMEOUT:
            raise ConfigError(f"policy: idle_timeout must be {MIN_IDLE_TIMEOUT} at least")
        if isinstance(self.allowed_scopes, str):
            raise ConfigError("policy: allowed_scopes must be a tuple of texts")
        object.__setattr__(self, "allowed_scopes", tuple(self.allowed_scopes))

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> Self:
        """Read the form that stands in a TOML file: spans such as ``"12h"``, or whole seconds.

        Raises:
            ConfigError: A key is unknown, or a value is none for it.
        """
        known = [field.name for field in fields(cls)]
        unknown = [key for key in table if key not in known]
        if unknown:
            raise ConfigError(
                f"policy: unknown key {unknown[0][:30]!r}", hint=f"Known are: {', '.join(known)}."
            )
        read = {key: _parse_span(key, value) for key, value in table.items() if key in _SPANS}
        scopes = table.get("allowed_scopes", [])
        if not isinstance(scopes, list) or not all(isinstance(one, str) and one for one in scopes):
            raise ConfigError("policy: allowed_scopes must be a list of texts")
        numbers = {key: value for key, value in table.items() if key in _NUMBERS}
        return cls(**read, **numbers, allowed_scopes=tuple(scopes))  # type: ignore[arg-type]

    def disallowed_scopes(self, scopes: Iterable[str]) -> list[str]:
        """Return those scopes that a grant may not cover."""
        allowed = [one.casefold() for one in self.allowed_scopes]
        return [
            scope
            for scope in (scopes if self.allowed_scopes else ())
            if not any(fnmatchcase(scope.casefold(), pattern) for pattern in allowed)
        ]

    @property
    def usage_write_interval(self) -> timedelta | None:
        """How old a token's last noted use may be before the next is noted; None: never."""
        return self.idle_timeout and max(timedelta(minutes=1), self.idle_timeout / 20)


def _parse_span(key: str, value: object) -> timedelta:
    if type(value) is int and 0 < value < 10**10:
        return timedelta(seconds=value)
    form = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if form is None:
        raise ConfigError(
            f"policy: {key} must be a span of time",
            hint='Write "30d", "12h", "15m" or "45s", or a whole number of seconds.',
        )
    return timedelta(**{_UNITS[form[2]]: int(form[1])})


NO_POLICY = Policy()
"""The policy of who has none."""
