"""Events for structured logs: with structlog, or the standard library's ``extra``."""

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
    """The method of a structlog logger that is used."""

    def log(self, level: int, event: str, **fields: Any) -> Any:
        """Log an event with its fields."""


class StructuredLog:
    """A listener that logs each event with its fields; see `Event.as_dict`.

    Args:
        logger: A structlog logger, which gets the fields as keyword arguments; or a standard
            library logger, whose records get them as ``extra``. There, each name gets the prefix
            ``evergrant_``, because records have attributes with some of these names.
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
