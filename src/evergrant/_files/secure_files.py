"""Files that only their owner can read: so from the first byte on, and replaced as a whole."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import SupportsIndex, overload

from evergrant import _fork
from evergrant._files import ownership
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import Masked
from evergrant.errors import StoreUnavailable

__all__ = [
    "MaskedBytes",
    "atomic_replace",
    "chown",
    "create",
    "ensure_file",
    "require_not_planted",
    "restrict_permissions",
    "unusable_error",
]

_logger = RateLimitedLog()


class _Writing:
    """Its lock is held while a file is open for writing: who forks then waits for its end.

    The child would keep it open for as long as it lives, and what anybody has open for writing is
    taken for a file that is being rewritten. Who finds a new file waits too: to close it ends all
    locks that this process has on it, SQLite's in another thread among them.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # a signal's handler may fork in the middle of it
        _fork.register(self)

    def before_fork(self) -> None:
        self.lock.acquire()

    def after_fork(self) -> None:
        self.lock.release()


_writing = _Writing()


class MaskedBytes(Masked, bytes):
    """Bytes that do not show, nor does a piece of them: a traceback may print local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"

    __str__ = __repr__  # that of bytes does not ask __repr__

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...

    @overload
    def __getitem__(self, key: slice) -> MaskedBytes: ...

    def __getitem__(self, key: SupportsIndex | slice) -> int | MaskedBytes:
        # Consoles cut what is long, and show the piece.
        found = bytes.__getitem__(self, key)
        return found if isinstance(found, int) else MaskedBytes(found)


def ensure_file(path: str, content: bytes = b"") -> None:
    """Make sure that there is a file that its owner can read and write, and its folder.

    Args:
        content: What is in it where there was none.

    Raises:
        StoreUnavailable: It does not, or another account could have planted it.
    """
    try:
        folder = Path(ownership.make_folder(Path(path).parent, as_root=True))
        real = ownership.resolved(path, as_root=True)
        # One that others can read would stay open to a program that opens it first.
        create(str(folder / Path(path).name), content=content)  # not where a link leads
        kind = Path(real).stat().st_mode
    except OSError as error:
        raise unusable_error(path, error) from None
    if stat.S_ISDIR(kind):
        raise _unusable(path, "it is a folder", "Name a file in it.")
    require_not_planted(real)
    for place in (path, folder):
        if not os.access(place, os.R_OK | os.W_OK):
            raise _unusable(
                path,
                f"{place} is not writable, so that refreshed tokens could not be saved",
                "Make the file and its folder writable for this user.",
            )


def require_not_planted(path: str, *others: str) -> None:
    """Refuse a store whose files, or the folders above them, are not ours alone.

    Args:
        others: The files beside it; each may be missing.

    Raises:
        StoreUnavailable: One is another account's, everybody may write to it, or it is a link.
    """
    try:
        real = ownership.resolved(path, as_root=True)
        folder = os.stat(Path(real).parent)  # noqa: PTH116 - its error names the path
        for file in (real, *others):
            if found := ownership.open_checked(file):
                ownership.require_trusted(found, file, folder, as_root=True, tightened=True)
    except (FileNotFoundError, IsADirectoryError):
        return  # no file, so nothing that could be planted
    except OSError as error:
        raise unusable_error(path, error) from None


def create(path: str, owner: os.stat_result | None = None, *, content: bytes = b"") -> None:
    """Create a file if it does not exist.

    Args:
        owner: Whose it is to be; see `chown`.
        content: What is in it from the beginning.

    Raises:
        OSError: It cannot be created.
    """
    with suppress(FileExistsError), _writing.lock:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            chown(handle, path, owner)
            os.write(handle, content)
        finally:
            os.close(handle)


def chown(handle: int, path: str, owner: os.stat_result | None) -> None:
    """Let a new file be for whom an old one is.

    Root may open what another user's program goes on with, and a group may share a file, if it
    shares its folder.

    Args:
        path: The new file's.
        owner: The status of the old one, if it exists.
    """
    mode = 0o600
    if owner and ownership.is_shared(owner, os.stat(Path(path).parent)):  # noqa: PTH116 - the same
        mode = stat.S_IMODE(owner.st_mode) & 0o660
        if os.fstat(handle).st_gid != owner.st_gid:
            os.fchown(handle, -1, owner.st_gid)
    elif owner and os.geteuid() == 0 != owner.st_uid:
        os.fchown(handle, owner.st_uid, owner.st_gid)
    if stat.S_IMODE(os.fstat(handle).st_mode) != mode:  # by the umask
        with suppress(PermissionError):  # on a file system without modes
            os.fchmod(handle, mode)


def unusable_error(path: str, error: OSError) -> StoreUnavailable:
    """Return the error to raise in place of the system's, where a store cannot be opened."""
    if isinstance(error, ownership.UntrustedFileError):
        same = not error.filename or os.path.realpath(error.filename) == os.path.realpath(path)
        where = "" if same or error.filename in str(error.strerror) else f"{error.filename}: "
        return _unusable(path, f"{where}{error.strerror}", error.hint)
    return _unusable(path, f"{error.strerror}: {error.filename}")


def _unusable(path: str, why: str, hint: str = "Name another file.") -> StoreUnavailable:
    return StoreUnavailable(
        f"the token store {path} cannot be used: {why}", hint=hint, retryable=False
    )


def restrict_permissions(path: str, *others: str) -> None:
    """Take away what others may do with a store's files, where they are ours alone.

    A group that shares a file, and its folder, keeps it; the log says so.
    """
    files = [Path(file) for file in (path, *others)]
    try:
        exposed = [file for file in files if _is_tightened(file)]
    except PermissionError:
        _logger.warning("others can read %s, and its file system keeps no modes", path)
        return
    if exposed:
        names = ", ".join(file.name for file in exposed)
        _logger.warning("others could read %s of %s: now only its owner can", names, path)
    found = ownership.open_checked(path)
    if found and ownership.is_shared(found, files[0].parent.stat()):
        _logger.warning("the group %s shares %s, and its tokens", found.st_gid, path)


def _is_tightened(file: Path) -> bool:
    """Take away what others may do with a file; say whether that was anything."""
    # By its descriptor, of the kind that ends no lock: what is at the path may change.
    try:
        handle = os.open(file, ownership.LOOK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        found = os.fstat(handle)
        others = stat.S_IMODE(found.st_mode) & 0o077
        if ownership.is_shared(found, file.parent.stat()):
            others &= 0o007
        if found.st_uid != os.geteuid() or not others or not stat.S_ISREG(found.st_mode):
            return False
        opened = f"/proc/self/fd/{handle}"
        there = opened if os.path.exists(opened) else file  # noqa: PTH110 - never raises
        os.chmod(there, stat.S_IMODE(found.st_mode) & ~others)  # noqa: PTH101 - of the descriptor
    finally:
        os.close(handle)
    return True


def atomic_replace(
    path: str,
    content: bytes,
    *,
    old: os.stat_result | None = None,
    before_rename: Callable[[], object] = lambda: None,
) -> os.stat_result:
    """Put a file in the place of another: whole or not at all, and on the disk before it returns.

    The caller has a lock: two at a time would write to the same draft.

    Args:
        old: What is replaced: the new file is for whom it is, and younger by at least a
            nanosecond, so that time, size and inode never say that nothing has changed.
        before_rename: Called at the last moment; raises if the file must stay as it is.

    Raises:
        OSError: It cannot be done.
    """
    draft = Path(f"{path}.draft")
    draft.unlink(missing_ok=True)  # a killed writer's
    try:
        with _writing.lock:
            written = _write(draft, content, old)
        before_rename()
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(draft.parent)
    return written


def _write(draft: Path, content: bytes, old: os.stat_result | None) -> os.stat_result:
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        chown(handle, str(draft), old)
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
