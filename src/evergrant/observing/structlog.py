"""Events for structured logs: through structlog, or the standard library's ``extra``."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from evergrant._text import escaped
from evergrant.events import (
    ClockSkew,
    Event,
    GrantLimitNear,
    RefreshFailed,
    SaveFailed,
    StoreFailed,
)

__all__ = ["StructLogger", "StructuredLog"]

_FAILURES = (ClockSkew, GrantLimitNear, RefreshFailed, SaveFailed, StoreFailed)


def _escape(value: Any) -> Any:
    return escaped(value) if isinstance(value, str) else value


class StructLogger(Protocol):
    """What is used of a structlog logger."""

    def log(self, level: int, event: str, **fields: Any) -> Any:
        """Log an event with its fields."""


class StructuredLog:
    """A listener that logs each event with its fields; see `Event.as_dict`.

    Args:
        logger: One of structlog, which gets the fields as keyword arguments; or one of the
            standard library, whose records get them as ``extra``, each with ``evergrant_`` in
            front: some of their names belong to records.
    """

    def __init__(self, logger: logging.Logger | StructLogger) -> None:
        self._logger = logger

    def __call__(self, event: Event) -> None:
        """Log an event."""
        level = logging.WARNING if isinstance(event, _FAILURES) else logging.INFO
        told = {name: _escape(value) for name, value in event.as_dict().items()}
        if isinstance(self._logger, logging.Logger):
            extra = {f"evergrant_{name}": value for name, value in told.items()}
            self._logger.log(level, "%s", event, extra=extra)
        else:
            self._logger.log(level, told.pop("event"), **told)
