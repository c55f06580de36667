"""An audit log: who did what to which token, one JSON object a line, each vouching for the last."""

from __future__ import annotations

import contextvars
import fcntl
import getpass
import json
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from evergrant import ownership
from evergrant.crypto.keys import Keyring
from evergrant.crypto.sources import keyring_from_environment
from evergrant.errors import ConfigError
from evergrant.events import Event
from evergrant.forking import ProcessLock
from evergrant.observing.chain import Fault, Head, entry_of, faults, signed, written
from evergrant.ownership import UntrustedFileError

__all__ = ["AuditLog", "audit_source", "read_entries", "rotated", "verify"]

_logger = logging.getLogger("evergrant.audit")
_source: contextvars.ContextVar[str | None] = contextvars.ContextVar("source", default=None)

TAIL = 65_536
"""Bytes at the end of a file in which its last lines are looked for first."""


@contextmanager
def audit_source(remote: str) -> Iterator[None]:
    """Note this remote address with each entry that is written meanwhile, in this context."""
    before = _source.set(remote)
    try:
        yield
    finally:
        _source.reset(before)


class AuditLog:
    """A listener that appends each event to a file, safely with other processes.

    A line is on the disk (fsync) before the listener returns. Where it cannot be written, such
    as on a full disk, it is logged as a warning, whole, and the next line says how many are
    missing. The file may be rotated at any time: the new one goes on where the old one ended.

    Args:
        path: The file; its mode is made 0600.
        actor: Who acts; by default the user of the operating system.
        keys: What signs the lines; by default the key of EVERGRANT_KEY or EVERGRANT_KEY_FILE,
            and without one the lines are hashed only.

    Raises:
        ConfigError: The file cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], actor: str | None = None, *, keys: Keyring | None = None
    ) -> None:
        self.path = Path(path).absolute()
        self._actor = actor or _system_user()
        self._keys = keys or keyring_from_environment()
        self._lock = ProcessLock()
        self._missed = 0
        try:
            os.close(self._open())
        except UntrustedFileError as error:
            raise ConfigError(
                f"the audit log {path} was not written: {error.strerror}", hint=error.hint
            ) from None
        except OSError as error:
            raise ConfigError(f"the audit log {path} cannot be written: {error.strerror}") from None

    def __call__(self, event: Event) -> None:
        """Append an event."""
        self.record(event.as_dict())

    def record(self, what: dict[str, Any]) -> None:
        """Append an entry: ``at``, ``event``, and what else is known, all free of secrets."""
        entry = {
            **what,
            "actor": self._actor,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "program": Path(sys.argv[0]).name if sys.argv else "",
        }
        if remote := _source.get():
            entry["remote"] = remote
        with self._lock.here():
            try:
                self._append(entry | ({"missed": self._missed} if self._missed else {}))
            except OSError as error:
                self._missed += 1
                text = json.dumps(entry, sort_keys=True)
                _logger.warning("not in the audit log %s (%s): %s", self.path, error, text)
            else:
                self._missed = 0

    def _open(self) -> int:
        handle = ownership.open_own(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, tightened=True)
        found = os.fstat(handle)
        if found.st_mode & 0o077 and found.st_uid == os.geteuid():
            os.fchmod(handle, 0o600)
        return handle

    def _append(self, entry: dict[str, Any]) -> None:
        while True:
            handle = self._open()
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if not self._is_current(handle):
                    continue  # it was rotated while we waited
                head, torn = _end_of(handle)
                if head is None:
                    head = self._rotated_head()
                if torn:
                    entry = {**entry, "torn": sha256(torn.removesuffix(b"\n")).hexdigest()}
                closed = b"\n" if torn and not torn.endswith(b"\n") else b""
                data = closed + written(signed(entry, head, self._keys))
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

    def _rotated_head(self) -> Head:
        """Return where the newest file ended that was rotated away."""
        for path in reversed(rotated(self.path)):
            handle = ownership.open_own(path, os.O_RDONLY)
            try:
                if head := _end_of(handle)[0]:
                    return head
            finally:
                os.close(handle)
        return Head()


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _end_of(handle: int) -> tuple[Head | None, bytes]:
    """Return the last whole entry's head (None: there is none), and what is torn after it."""
    size = os.fstat(handle).st_size
    span = TAIL
    while True:
        start = max(0, size - span)
        lines = os.pread(handle, size - start, start).splitlines(keepends=True)
        for index in range(len(lines) - 1, -1 if start == 0 else 0, -1):
            line = lines[index]
            entry = entry_of(line) if line.endswith(b"\n") else None
            if entry:
                return Head(entry["seq"], entry["hash"]), b"".join(lines[index + 1 :])
        if start == 0:
            return None, b"".join(lines)
        span *= 16


def rotated(path: Path) -> list[Path]:
    """Return what was rotated away from a file and lies beside it, uncompressed; the oldest first.

    It has the file's name in front: ``audit.log.1``, ``audit.log-20260102``.
    """
    older = [
        one
        for one in path.parent.glob(f"{_escaped(path.name)}[.-][0-9]*")
        if one.suffix not in {".gz", ".bz2", ".xz", ".zst"}
    ]
    return sorted(older, key=lambda one: one.stat().st_mtime)


def read_entries(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Yield the entries of a file, without what is torn.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            yield from filter(None, map(entry_of, file))
    except OSError as error:
        raise ConfigError(f"the audit log {path} cannot be read: {error.strerror}") from None


def verify(
    path: str | os.PathLike[str], keys: Keyring | None = None, head: Head | None = None
) -> tuple[Head, list[Fault]]:
    """Return the last line's head, and what is wrong with a file.

    A line counts as it stands, to the byte: one that is written in another way than `AuditLog`
    writes it was changed, whatever it may say.

    Args:
        keys: What signed it.
        head: Where the file before it ended; as `verify` returned it.

    Raises:
        ConfigError: It cannot be read.
    """
    last, found = head or Head(), list[Fault]()
    try:
        with Path(path).open("rb") as file:
            for seen in faults(file, keys, last):
                if isinstance(seen, Fault):
                    found.append(seen)
                else:
                    last = seen
    except OSError as error:
        raise ConfigError(f"the audit log {path} cannot be read: {error.strerror}") from None
    return last, found
