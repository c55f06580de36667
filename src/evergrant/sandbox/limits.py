"""How Zoho counts: a number in ten minutes, then no more until the ten minutes are over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["Window"]


@dataclass(slots=True)
class Window:
    """Counts events in spans of time; the first event begins a span.

    Zoho speaks of "a span of 10 minutes" and throttles "for the remaining time"
    (https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html): a fixed span, as
    here, not a sliding one.
    """

    count: int = 0
    ends: datetime | None = None

    def admit(self, now: datetime, most: int, length: timedelta) -> bool:
        """Count an event, unless ``most`` were counted in the running span."""
        if self.ends is None or now >= self.ends:
            self.count, self.ends = 0, now + length
        if self.count >= most:
            return False
        self.count += 1
        return True
