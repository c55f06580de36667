"""Reads a token file, which the official SDK's store rewrites in place and without a lock."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
import time
from typing import NamedTuple

from evergrant._files import ownership, secure_files
from evergrant._files.secure_files import MaskedBytes
from evergrant.errors import StoreError, StoreUnavailable
from evergrant.stores.faults import Fault

__all__ = [
    "LARGEST",
    "FileSnapshot",
    "Stamp",
    "has_fine_mtime",
    "read",
    "stamp",
    "too_large",
    "translate_os_error",
]

LARGEST = 64 * 2**20
"""Bytes in the largest file that is opened, since each save writes all of it."""

TICK_NS = 20_000_000
"""Nanoseconds within which two changes may get the same time, that of one kernel clock tick."""

COARSE_TICK_NS = 2_000_000_000
"""The same, on file systems that store times in whole seconds."""

PAUSE_S = 0.001

Stamp = tuple[int, int, int, int]
"""Time of the last change, size, inode and device; it differs if the content does."""


class FileSnapshot(NamedTuple):
    """A file's content at one moment.

    Attributes:
        is_settled: Whether each later change must show in the stamp. Else the file is so young that
            it can change once more within the same tick of the clock.
    """

    content: MaskedBytes
    stamp: Stamp
    is_settled: bool


def has_fine_mtime(found: os.stat_result) -> bool:
    """Return True if a file system stores the time of a change in fractions of a second."""
    return found.st_mtime_ns % 1_000_000_000 != 0


def stamp(found: os.stat_result) -> Stamp:
    """Return a file's stamp, which changes whenever the file does."""
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


def read(path: str, timeout: float) -> FileSnapshot:
    """Return a file's content at a moment when no program is writing it.

    While the official store rewrites the file, it seems to have fewer tokens, or none.

    Args:
        timeout: Seconds to wait for such a moment.

    Raises:
        StoreUnavailable: Another program keeps writing the file, or it is too large.
        OSError: It cannot be read.
    """
    give_up = time.monotonic() + timeout
    while True:
        now = time.time_ns()
        with os.fdopen(_opened(path), "rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size > LARGEST:
                raise too_large(path)
            is_sure = abs(now - before.st_mtime_ns) > (
                TICK_NS if has_fine_mtime(before) else COARSE_TICK_NS
            )
            quiet = _is_quiet(file.fileno(), is_sure=is_sure)
            content = MaskedBytes(file.read())
            quiet = quiet and _is_quiet(file.fileno(), is_sure=is_sure)
            if quiet and stamp(os.fstat(file.fileno())) == stamp(before):
                return FileSnapshot(content, stamp(before), is_sure)
        if time.monotonic() > give_up:
            raise StoreUnavailable(
                f"another program was writing {path} for {timeout:g} s; nothing was saved",
                hint="Try again, or find the program that has it open for writing. "
                "On a network file system, which cannot tell, use another store.",
            )
        time.sleep(PAUSE_S)


def _opened(path: str) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        folder = os.stat(os.path.dirname(path))  # noqa: PTH116, PTH120 - its error names the path
        ownership.require_trusted(os.fstat(handle), path, folder, as_root=True, tightened=True)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _is_quiet(handle: int, *, is_sure: bool) -> bool:
    """Return True if no program writes the file; except on Linux, that is a guess by its age."""
    if sys.platform != "linux":
        return is_sure
    try:
        # A program that opens the file for writing while we hold the lease waits for us, and we
        # get a signal: not SIGIO, which would end the process, but one that is ignored.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return False if error.errno == errno.EAGAIN else is_sure
    fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return True


def too_large(path: str) -> StoreUnavailable:
    """Return the error to raise for a file that is, or would be, larger than `LARGEST`."""
    return StoreUnavailable(
        f"{path} is larger than {LARGEST >> 20} MiB, too large for a store that is one file",
        hint="Use a SQLite store (sqlite:///tokens.db) for that many tokens.",
        retryable=False,
    )


_UNUSABLE = "the token store {store} cannot be used: %s; nothing was saved"
_READ_ONLY = Fault(
    _UNUSABLE % "{code} is not writable, so that refreshed tokens could not be saved",
    "Make the file, its folder and its disk writable for this user.",
)
_UNKNOWN = Fault(_UNUSABLE % "{code}", "Check the disk and its folder.", retryable=True)
_FAULTS = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _READ_ONLY),
    errno.ENOSPC: Fault(_UNUSABLE % "the disk is full", "Free some space.", retryable=True),
    errno.EDQUOT: Fault(
        _UNUSABLE % "the disk quota is used up", "Free some space.", retryable=True
    ),
    errno.EFBIG: Fault(
        _UNUSABLE % "it may not grow any further", "Check the process's limits.", retryable=True
    ),
    errno.EBUSY: Fault(
        _UNUSABLE % "it cannot be replaced, since it is mounted by itself",
        "Mount its folder, as a container's volume, in place of the file.",
    ),
    errno.ENOENT: Fault(
        _UNUSABLE % "it was removed",
        "Put the file back, or restart the program to begin without tokens.",
    ),
}


def translate_os_error(error: OSError, path: str) -> StoreError:
    """Return the error to raise in place of the operating system's."""
    if isinstance(error, ownership.UntrustedFileError):
        return secure_files.unusable_error(path, error)
    fault = _FAULTS.get(error.errno or 0, _UNKNOWN)
    return fault.error(path, (error.filename or path) if fault is _READ_ONLY else error.strerror)
