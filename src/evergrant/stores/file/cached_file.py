"""A process's copy of a token file, read again only after the file has changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from evergrant._files.secure_files import MaskedBytes
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import StoreUnavailable
from evergrant.stores.file import snapshot
from evergrant.stores.file.csv_format import parse
from evergrant.stores.file.sidecar import Sidecar
from evergrant.stores.file.snapshot import FileSnapshot
from evergrant.stores.file.table import FileTable
from evergrant.stores.file_kinds import is_sqlite
from evergrant.stores.urls import url_of_file

__all__ = ["CachedFile", "translating_os_errors"]

_logger = RateLimitedLog()

NO_TOKENS = "it does not hold tokens"

_NOTHING = FileSnapshot(MaskedBytes(), (0, 0, 0, 0), is_settled=False)


@contextmanager
def translating_os_errors(path: str) -> Iterator[None]:
    """Raise `StoreUnavailable` in place of the operating system's errors."""
    try:
        yield
    except OSError as error:
        raise snapshot.translate_os_error(error, path) from None


class CachedFile:
    """A token file as it was last read or written.

    Args:
        path: The file.
        timeout: Seconds to wait for another program that is writing the file.
        changes: Number of contents of the file that were seen before.

    Attributes:
        lock: To be held by a caller that reads or changes this.
        changes: Number of contents of the file that were seen.
        reading: The last content.
    """

    def __init__(self, path: str, timeout: float, changes: int) -> None:
        self.lock = threading.RLock()
        self.changes = changes
        self.reading = _NOTHING
        self._path = path
        self._timeout = timeout
        self._table = FileTable([])
        self._reported: list[str] = []

    def current(self) -> FileTable:
        """Return the tokens as they are in the file now; the caller holds the lock.

        Raises:
            StoreUnavailable: The file cannot be read, or does not hold tokens.
        """
        with translating_os_errors(self._path):
            now = snapshot.stamp(os.stat(self._path))  # noqa: PTH116 - on every look-up
            if now != self.reading.stamp or not self.reading.is_settled:
                if self.reading is _NOTHING and is_sqlite(self._path):
                    raise self._unusable(
                        NO_TOKENS, f"It is a SQLite database: {url_of_file(self._path)}"
                    )
                found = snapshot.read(self._path, self._timeout)
                if self.reading is _NOTHING or found.content != self.reading.content:
                    self.store(self._parsed(found.content), found)
                    self._report()
                self.reading = found
        return self._table

    def store(self, table: FileTable, reading: FileSnapshot) -> None:
        """Replace the known content of the file."""
        self._table, self.reading = table, reading
        self.changes += 1

    def forget(self) -> None:
        """Forget the tokens."""
        self._table, self.reading = FileTable([]), _NOTHING

    def _parsed(self, content: bytes) -> FileTable:
        lines = parse(content) if content else []
        if lines is None:
            why, hint = NO_TOKENS, "Name another file."
        elif not content and (self._table.all_keys() or Sidecar(self._path).last_number):
            why = "it is empty, without even its header: the program that wrote it was killed"
            hint = "Restore a backup, or delete the file to begin without tokens."
        else:
            return FileTable(lines)
        raise self._unusable(why, hint)

    def _unusable(self, why: str, hint: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"the token store {self._path} cannot be used: {why}; nothing was changed",
            hint=hint,
            retryable=False,
        )

    def _report(self) -> None:
        """Log problems that the official store left; the same problem only once in a row."""
        found = self._table.duplicates()
        if not (self.reading.content or b"\n").endswith((b"\n", b"\r")):
            found.append("its last line is unfinished: was a program killed that wrote it?")
        for problem in found:
            if problem not in self._reported:
                _logger.warning("%s: %s", self._path, problem)
        self._reported = found
