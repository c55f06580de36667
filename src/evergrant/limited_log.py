"""A logger that writes a few lines of each kind in a minute, and counts the others.

While a store is down, a hundred users who wait would write ten thousand lines that say the same.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from evergrant.forking import ProcessLock

__all__ = ["BURST", "PERIOD", "LimitedLog"]

BURST = 10
"""Lines of one kind in a `PERIOD`."""

PERIOD = 60.0
"""Seconds."""

MOST_KINDS = 1_000
"""Kinds that are told apart; with more of them, the counting begins anew."""


class LimitedLog:
    """Writes to a logger of the standard library; safe to share between threads.

    Lines are of one kind if they are made from one message, or by what ``kind`` says, and are
    about files of one folder, if about files.
    """

    def __init__(self, name: str = "evergrant") -> None:
        self._logger = logging.getLogger(name)
        self._lock = ProcessLock()
        self._kinds: dict[object, tuple[float, int]] = {}

    def info(self, message: str, *args: object) -> None:
        """Log what is worth knowing."""
        self.log(logging.INFO, message, *args)

    def warning(self, message: str, *args: object, exc_info: Any = None) -> None:
        """Log a warning."""
        self.log(logging.WARNING, message, *args, exc_info=exc_info)

    def error(self, message: str, *args: object) -> None:
        """Log an error."""
        self.log(logging.ERROR, message, *args)

    def exception(self, message: str, *args: object) -> None:
        """Log an error with the traceback of what is being handled."""
        self.log(logging.ERROR, message, *args, exc_info=True)

    def log(
        self,
        level: int,
        message: str,
        *args: object,
        kind: object = None,
        exc_info: Any = None,
    ) -> None:
        """Log a line, unless there were enough of its kind."""
        if not self._logger.isEnabledFor(level):
            return
        places = tuple(arg.parent for arg in args if isinstance(arg, Path))
        written, left_out = self._counted((level, kind or message, places))
        if written > BURST:
            return
        if left_out:
            message, args = f"{message} (and %d more like it before)", (*args, left_out)
        if written == BURST:
            message += " (more like it are only counted for a minute)"
        self._logger.log(level, message, *args, exc_info=exc_info, stacklevel=3)

    def _counted(self, kind: object) -> tuple[int, int]:
        """Return which line of its kind this is in its period, and how many were left out."""
        now = time.monotonic()
        with self._lock.here():
            if len(self._kinds) >= MOST_KINDS:
                self._kinds = {}
            began, number = self._kinds.get(kind, (now, 0))
            left_out = 0
            if now - began >= PERIOD:
                began, left_out, number = now, max(0, number - BURST), 0
            self._kinds[kind] = began, number + 1
            return number + 1, left_out
