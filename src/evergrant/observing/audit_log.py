"""The audit log: who did what to which token. Each line is JSON, hash-chained to the one before."""

from __future__ import annotations

import atexit
import contextvars
import getpass
import json
import logging
import os
import socket
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from evergrant._crypto.key_sources import keyring_from_environment
from evergrant._crypto.keys import Keyring
from evergrant._delivery import flush_all
from evergrant._files import ownership
from evergrant._files.ownership import UntrustedFileError
from evergrant._fork import PerProcess, ProcessLock
from evergrant._logging.queued import write
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import masks_locals
from evergrant.errors import ConfigError
from evergrant.events import Event
from evergrant.observing.audit_log_files import find_last_entry, lock, rotated_files
from evergrant.observing.hash_chain import (
    Fault,
    Head,
    parse_entry,
    serialize,
    sign_entry,
    verify_lines,
)

__all__ = ["AuditLog", "audit_source", "read_entries", "rotated_files", "verify"]

_logger = logging.getLogger("evergrant.audit")
_log = RateLimitedLog(_logger.name)
_source: contextvars.ContextVar[str | None] = contextvars.ContextVar("source", default=None)

LOCK_TIMEOUT_S = 0.5
"""How long to wait for the file's lock. After that, entries are queued in order."""

RETRY_EVERY_S = 0.05
"""Seconds between two attempts to write queued entries."""

EXIT_TIMEOUT_S = 5.0
"""How long the end of the program waits for the file."""

MAX_QUEUED = 10_000
"""How many entries may be queued."""


@contextmanager
def audit_source(remote: str) -> Iterator[None]:
    """Add this remote address to each entry that is written within the block, in this context."""
    before = _source.set(remote)
    try:
        yield
    finally:
        _source.reset(before)


_Lost = tuple[dict[str, Any], str]
"""An entry, and why it could not be written."""

_all: weakref.WeakSet[AuditLog] = weakref.WeakSet()


@dataclass(slots=True)
class _Queue:
    """The entries that wait for the file, and how many before them are missing there."""

    waiting: deque[dict[str, Any]] = field(default_factory=deque)
    missed: int = 0
    is_locked_out: bool = False


class AuditLog:
    """A listener that appends each event to a file, safely with other processes.

    A line is on the disk (fsync) before the listener returns. If another process keeps the file
    locked, the line is written when the lock is released. A line that cannot be written, such as
    on a full disk, is logged whole as a warning, and the next line says how many are missing.
    The file may be rotated at any time: the new file continues the chain of the old one.

    Args:
        path: The file; its mode is set to 0600.
        actor: Who acts. Default: the user of the operating system.
        keys: The keys that sign the lines. Default: the key of EVERGRANT_KEY or
            EVERGRANT_KEY_FILE. Without a key, lines are only hashed.

    Raises:
        ConfigError: The file cannot be written.
    """

    @masks_locals
    def __init__(
        self, path: str | os.PathLike[str], actor: str | None = None, *, keys: Keyring | None = None
    ) -> None:
        self.path = Path(path).absolute()
        self._actor = actor or _system_user()
        self._keys = keys or keyring_from_environment()
        self._lock = ProcessLock()
        self._queues = PerProcess(_Queue)  # the parent of a forked child writes its own
        try:
            os.close(self._open())
        except UntrustedFileError as error:
            raise ConfigError(
                f"the audit log {path} was not written: {error.strerror}", hint=error.hint
            ) from None
        except OSError as error:
            raise ConfigError(f"the audit log {path} cannot be written: {error.strerror}") from None

        _all.add(self)

    def __call__(self, event: Event) -> None:
        """Append an event."""
        self.record(event.as_dict())

    @masks_locals
    def record(self, what: dict[str, Any]) -> None:
        """Append an entry: ``at``, ``event`` and other fields, none of them secret."""
        entry = {
            **what,
            "actor": self._actor,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "program": Path(sys.argv[0]).name if sys.argv else "",
        }
        if remote := _source.get():
            entry["remote"] = remote
        queue = self._queues.get()
        with self._lock.get():
            queue.waiting.append(entry)
            was_locked_out = queue.is_locked_out
            lost = [] if was_locked_out else self._write_waiting(queue, LOCK_TIMEOUT_S)
            begins = queue.is_locked_out and not was_locked_out
            while len(queue.waiting) > MAX_QUEUED:
                lost.append((queue.waiting.popleft(), "too many entries are waiting"))
                queue.missed += 1
        self._log_lost(lost)
        if begins:
            _log.warning("the audit log %s is locked: its entries wait", self.path)
            with suppress(RuntimeError):  # the interpreter is exiting, and tries once more
                threading.Thread(
                    target=self._retry, args=[queue], name="evergrant-audit", daemon=True
                ).start()

    def _write_waiting(self, queue: _Queue, seconds: float) -> list[_Lost]:
        """Write queued entries in order while the file can be locked; return the lost entries."""
        lost: list[_Lost] = []
        is_locked_out = False
        try:
            while queue.waiting:
                entry = queue.waiting[0]
                missed = {"missed": queue.missed} if queue.missed else {}
                try:
                    self._append(entry | missed, seconds)
                except BlockingIOError:
                    is_locked_out = True
                    break
                except OSError as error:
                    queue.missed += 1
                    lost.append((entry, str(error)))
                else:
                    queue.missed = 0
                queue.waiting.popleft()
        finally:
            # Not earlier: the retrying thread would take an attempt for a success.
            queue.is_locked_out = is_locked_out
        return lost

    def _retry(self, queue: _Queue) -> None:
        while queue.is_locked_out:
            time.sleep(RETRY_EVERY_S)
            self.flush(0)

    @masks_locals
    def flush(self, seconds: float) -> None:
        """Write queued entries; wait for the file for at most ``seconds``."""
        with self._lock.get():
            lost = self._write_waiting(self._queues.get(), seconds)
        self._log_lost(lost)

    def end(self) -> None:
        """Write queued entries, or log them whole; called when the program ends."""
        self.flush(EXIT_TIMEOUT_S)
        # A copy: the retrying thread may write some of them at the same time.
        waiting = self._queues.get().waiting.copy()
        self._log_lost([(entry, "it is locked") for entry in waiting])

    def _log_lost(self, lost: list[_Lost]) -> None:
        for entry, why in lost:
            text = json.dumps(entry, sort_keys=True)
            # Every entry: it is stored nowhere else.
            message = "not in the audit log %s (%s): %s"
            write(_logger, logging.WARNING, message, (self.path, why, text))

    def _open(self) -> int:
        handle = ownership.open_own(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, tightened=True)
        found = os.fstat(handle)
        if found.st_mode & 0o077 and found.st_uid == os.geteuid():
            os.fchmod(handle, 0o600)
        return handle

    def _append(self, entry: dict[str, Any], seconds: float) -> None:
        while True:
            handle = self._open()
            try:
                lock(handle, seconds)
                if not self._is_current(handle):
                    continue  # the file was rotated while we waited
                head, torn = find_last_entry(handle)
                if head is None:
                    head = self._find_rotated_head()
                if torn:
                    entry = {**entry, "torn": sha256(torn.removesuffix(b"\n")).hexdigest()}
                closed = b"\n" if torn and not torn.endswith(b"\n") else b""
                data = closed + serialize(sign_entry(entry, head, self._keys))
                if os.write(handle, data) != len(data):
                    raise OSError(28, "only a part of the line could be written")
                os.fsync(handle)
                return
            finally:
                os.close(handle)

    def _is_current(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self.path.stat())
        except FileNotFoundError:
            return False

    def _find_rotated_head(self) -> Head:
        """Return the head of the newest rotated file."""
        for path in reversed(rotated_files(self.path)):
            handle = ownership.open_own(path, os.O_RDONLY)
            try:
                if head := find_last_entry(handle)[0]:
                    return head
            finally:
                os.close(handle)
        return Head()


@atexit.register
def _flush_at_exit() -> None:
    flush_all()  # first deliver events that have not reached this listener yet
    for log in list(_all):
        log.end()


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"uid {os.getuid()}"


@masks_locals
def read_entries(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Yield the entries of a file; skip torn lines.

    Raises:
        ConfigError: The file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            yield from filter(None, map(parse_entry, file))
    except OSError as error:
        raise ConfigError(f"the audit log {path} cannot be read: {error.strerror}") from None


@masks_locals
def verify(
    path: str | os.PathLike[str], keys: Keyring | None = None, head: Head | None = None
) -> tuple[Head, list[Fault]]:
    """Return the head of the last line, and all faults of a file.

    Lines are compared byte by byte: a line that differs from what `AuditLog` writes counts as
    changed, whatever it says.

    Args:
        keys: The keys that signed the lines.
        head: The head of the file before it, as `verify` returned it.

    Raises:
        ConfigError: The file cannot be read.
    """
    last, found = head or Head(), list[Fault]()
    try:
        with Path(path).open("rb") as file:
            for seen in verify_lines(file, keys, last):
                if isinstance(seen, Fault):
                    found.append(seen)
                else:
                    last = seen
    except OSError as error:
        raise ConfigError(f"the audit log {path} cannot be read: {error.strerror}") from None
    return last, found
