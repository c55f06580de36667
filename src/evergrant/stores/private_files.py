"""Files that only their owner can read: so from the first byte on, and replaced as a whole."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from evergrant import forking
from evergrant.errors import StoreUnavailable
from evergrant.forking import ProcessLock

__all__ = ["Hidden", "create", "make_ready", "replace", "tighten"]

_logger = logging.getLogger("evergrant")
_creating = ProcessLock()


class _Writing:
    """Its lock is held while a file is open for writing: who forks then waits for its end.

    The child would keep it open for as long as it lives, and what anybody has open for writing is
    taken for a file that is being rewritten.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # a signal's handler may fork in the middle of it
        forking.watch(self)

    def before_fork(self) -> None:
        self.lock.acquire()

    def after_fork(self) -> None:
        self.lock.release()


_writing = _Writing()


class Hidden(bytes):
    """Bytes that do not show: a traceback may print local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"

    __str__ = __repr__  # that of bytes does not ask __repr__


def make_ready(path: str) -> None:
    """Make sure that there is a file that its owner can read and write, and its folder.

    Raises:
        StoreUnavailable: There is not, and the message says why.
    """
    folder = Path(path).parent
    try:
        _make_folder(folder)
        # One that others can read would stay open to whoever opens it before it is tightened.
        with _creating.here():
            create(path)
        kind = Path(path).stat().st_mode
    except OSError as error:
        raise _unusable(path, f"{error.strerror}: {error.filename}") from None
    if stat.S_ISDIR(kind):
        raise _unusable(path, "it is a folder", "Name a file in it.")
    if not stat.S_ISREG(kind):
        raise _unusable(path, "it is not a regular file")
    for place in (path, folder):
        if not os.access(place, os.R_OK | os.W_OK):
            raise _unusable(
                path,
                f"{place} is not writable, so that refreshed tokens could not be saved",
                "Make the file and its folder writable for this user.",
            )


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def create(path: str, owner: os.stat_result | None = None) -> None:
    """Create an empty file if there is none.

    Args:
        owner: Whose it is to be: root may open what another user's program goes on with.

    Raises:
        OSError: It cannot be created.
    """
    with suppress(FileExistsError), _writing.lock:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            give(handle, owner)
        finally:
            os.close(handle)


def give(handle: int, owner: os.stat_result | None) -> None:
    if owner and owner.st_uid != os.geteuid():
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _unusable(path: str, why: str, hint: str = "Name another file.") -> StoreUnavailable:
    return StoreUnavailable(
        f"the token store {path} cannot be used: {why}", hint=hint, retryable=False
    )


def tighten(path: str, *others: str) -> None:
    """Take away what others may do with a store's files, where they are ours."""
    exposed = [file for file in map(Path, (path, *others)) if _is_open(file)]
    for file in exposed:
        file.chmod(stat.S_IMODE(file.stat().st_mode) & ~0o077)
    if exposed:
        names = ", ".join(file.name for file in exposed)
        _logger.warning("others could read %s of %s: now only its owner can", names, path)


def _is_open(file: Path) -> bool:
    try:
        found = file.stat()
    except FileNotFoundError:
        return False
    return found.st_uid == os.geteuid() and bool(found.st_mode & 0o077)


def replace(
    path: str,
    content: bytes,
    *,
    old: os.stat_result | None = None,
    last_look: Callable[[], object] = lambda: None,
) -> os.stat_result:
    """Put a file in the place of another: whole or not at all, and on the disk before it returns.

    The caller has a lock: two at a time would write to the same draft.

    Args:
        old: What is replaced: the new file is its owner's, and younger by at least a nanosecond,
            so that time, size and inode never say that nothing has changed.
        last_look: Called at the last moment; raises where the file is better left as it is.

    Raises:
        OSError: It cannot be done.
    """
    draft = Path(f"{path}.draft")
    draft.unlink(missing_ok=True)  # a killed writer's
    try:
        with _writing.lock:
            written = _write(draft, content, old)
        last_look()
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(draft.parent)
    return written


def _write(draft: Path, content: bytes, old: os.stat_result | None) -> os.stat_result:
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        give(handle, old)
        file.write(content)
        file.flush()
        now = max(time.time_ns(), old.st_mtime_ns + 1 if old else 0)
        os.utime(handle, ns=(now, now))
        os.fsync(handle)
        return os.fstat(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
