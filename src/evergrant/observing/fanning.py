"""Several listeners where one is taken."""

from __future__ import annotations

from evergrant.events import Emit, Event
from evergrant.limited_log import LimitedLog

__all__ = ["fan_out"]

_logger = LimitedLog()


def fan_out(*listeners: Emit) -> Emit:
    """Return a listener that tells all of these, in order; one that raises harms no other."""

    def tell(event: Event) -> None:
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                _logger.exception("the event listener failed")

    return tell
