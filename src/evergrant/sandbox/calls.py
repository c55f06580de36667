"""What was asked of the sandbox: a log without secrets, and exact counts."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

__all__ = ["Call", "Calls"]


class Call(NamedTuple):
    """One request that reached the sandbox.

    Attributes:
        data_center: Its short name.
        method: Upper case.
        path: Without the query.
        status: What was answered; 0 for a request that a fault refused unread.
        grant_type: What was asked of the token endpoint; None elsewhere.
        user: The e-mail of whose code or token came with it, where there is one.
        at: When, by the sandbox's clock (aware).
        missing: What the call asked for that Zoho has and the sandbox has not; else None.
        service: The service that was called, such as ``crm``; None for the accounts server.
        org: The org that the call named for it; None if it named none.
    """

    data_center: str
    method: str
    path: str
    status: int
    grant_type: str | None
    user: str | None
    at: datetime
    missing: str | None = None
    service: str | None = None
    org: str | None = None


class Calls:
    """The calls so far, oldest first: ``len``, iterate, index; safe to share between threads.

    Counts are exact. The calls themselves are kept up to ``keep``, then the oldest are dropped.
    """

    def __init__(self, keep: int = 10_000) -> None:
        self._kept: deque[Call] = deque(maxlen=keep)
        self._counts: Counter[tuple[str, str | None, str | None]] = Counter()
        self._missing: Counter[str] = Counter()
        self._lock = threading.Lock()

    def record(self, call: Call) -> None:
        """Note a call."""
        with self._lock:
            self._kept.append(call)
            self._counts[call.path, call.grant_type, call.user] += 1
            if call.missing is not None:
                self._missing[call.missing] += 1

    def count(
        self,
        path: str | None = None,
        grant_type: str | None = None,
        user: str | None = None,
        since: datetime | None = None,
    ) -> int:
        """Count the calls that fit; what is None fits all.

        Raises:
            LookupError: ``since`` is longer ago than the calls that are kept.
        """
        with self._lock:
            if since is None:
                return sum(
                    number
                    for (a_path, a_grant, a_user), number in self._counts.items()
                    if path in (None, a_path)
                    and grant_type in (None, a_grant)
                    and user in (None, a_user)
                )
            if len(self._kept) < self._counts.total() and since <= self._kept[0].at:
                raise LookupError(f"only the last {len(self._kept)} calls are kept")
            return sum(
                call.at >= since
                and path in (None, call.path)
                and grant_type in (None, call.grant_type)
                and user in (None, call.user)
                for call in self._kept
            )

    def counts(self) -> dict[tuple[str, str | None, str | None], int]:
        """Return how many calls there were by path, grant type and user."""
        return dict(self._counts)

    def missing(self) -> dict[str, int]:
        """Return what the sandbox did not have, and how many calls asked for it."""
        return dict(self._missing)

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._kept.clear()
            self._missing.clear()
            self._counts.clear()

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._kept.copy())

    def __getitem__(self, index: int) -> Call:
        return self._kept[index]
