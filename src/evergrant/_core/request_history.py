"""The refresh requests of each grant, with their times by this process's own clock.

Hosts that share a store may disagree about the time: one whose clock is behind takes another's
notes for the future, one whose clock is ahead takes them for long past.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from evergrant._core.rate_limit_state import CLOCK_MARGIN_MS, LIFE_MS
from evergrant._fork import ProcessLock

__all__ = ["RequestHistory"]

SLACK_MS = 2_000
"""Milliseconds by which clocks that agree may differ."""

MAX_GRANTS = 10_000
"""Grants that a process remembers."""

_Key = tuple[int, int]
"""A moment as it is noted, and its number among requests of that moment."""


class RequestHistory:
    """Requests by grant; moments are epoch milliseconds. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._known: dict[str, tuple[int, dict[_Key, int], set[_Key]]] = {}

    def merged_with(self, grant: str, noted: Iterable[int], now: int) -> tuple[int, ...]:
        """Return when the requests in a note were sent, by our clock; the oldest first.

        What was noted since the last look, and cannot be from then, counts as of now, once. A
        caller that changes the note must replace future moments by ``now``.
        """
        with self._lock.get():
            looked, before, listed = self._known.get(grant, (0, {}, set()))
            oldest = looked - SLACK_MS if looked <= now else 0
            noted = list(noted)
            numbered, future = _numbered(min(at, now) for at in noted), _numbered(noted)
            # Our own clock went back: what was noted as past is now the future.
            known = {key: min(at, now) for key, at in before.items()}
            for key, was in zip(numbered, future, strict=True):
                if key != was and was in known:
                    known[key] = known.pop(was)
                    listed = listed - {was}
            old, present = now - LIFE_MS - CLOCK_MARGIN_MS, set(numbered)
            # What another host has struck from the note, it noted again: its clock is behind ours.
            gone = [key for key in listed - present if known.get(key, 0) > old]
            gone.sort(key=known.__getitem__)
            for key in numbered:
                if key not in known:
                    if key[0] >= oldest:
                        known[key] = key[0]
                    else:
                        known[key] = known.pop(gone.pop()) if gone else now
            kept = {key: at for key, at in known.items() if key in present or at > old}
            self._keep(grant, now, kept, present)
            return tuple(sorted(at for at in kept.values() if at > old))

    def record(self, grant: str, now: int, noted: Iterable[int]) -> None:
        """Remember a request of our own, and the note that includes it."""
        with self._lock.get():
            looked, known, _ = self._known.get(grant, (now, {}, set()))
            number = sum(key[0] == now for key in known)
            self._keep(grant, looked, known | {(now, number): now}, set(_numbered(noted)))

    def _keep(self, grant: str, now: int, known: dict[_Key, int], listed: set[_Key]) -> None:
        if len(self._known) >= MAX_GRANTS:
            self._known = {}
        self._known[grant] = now, known, listed

    def forget(self, grant: str, at: int) -> None:
        """Forget one request of a moment: it was not sent."""
        with self._lock.get():
            _, known, listed = self._known.get(grant, (0, {}, set()))
            if keys := [key for key in known if key[0] == at]:
                del known[max(keys)]
                listed.discard(max(keys))


def _numbered(moments: Iterable[int]) -> list[_Key]:
    numbers: Counter[int] = Counter()
    keys = []
    for at in moments:
        keys.append((at, numbers[at]))
        numbers[at] += 1
    return keys
