"""Several listeners where one is taken."""

from __future__ import annotations

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.events import Event, Listener

__all__ = ["fan_out"]

_logger = RateLimitedLog()


class _Fan:
    """Tells several listeners; a Keeper tells each of them by itself, so that none waits."""

    def __init__(self, listeners: tuple[Listener, ...]) -> None:
        several = [getattr(listener, "listeners", (listener,)) for listener in listeners]
        self.listeners: tuple[Listener, ...] = tuple(one for some in several for one in some)

    def __call__(self, event: Event) -> None:
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:
                _logger.exception("the event listener failed")


def fan_out(*listeners: Listener) -> Listener:
    """Return a listener that tells all of these, in order; one that raises harms no other."""
    return _Fan(listeners)
