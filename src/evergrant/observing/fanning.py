"""Several listeners where one is taken."""

from __future__ import annotations

from evergrant.events import Emit, Event
from evergrant.limited_log import LimitedLog

__all__ = ["fan_out"]

_logger = LimitedLog()


class _Fan:
    """Tells several listeners; a Keeper tells each of them by itself, so that none waits."""

    def __init__(self, listeners: tuple[Emit, ...]) -> None:
        several = [getattr(listener, "listeners", (listener,)) for listener in listeners]
        self.listeners: tuple[Emit, ...] = tuple(one for some in several for one in some)

    def __call__(self, event: Event) -> None:
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:
                _logger.exception("the event listener failed")


def fan_out(*listeners: Emit) -> Emit:
    """Return a listener that tells all of these, in order; one that raises harms no other."""
    return _Fan(listeners)
