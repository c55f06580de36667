"""Whose a file is: what another account owns, can write or has planted holds no secret of ours.

A file is judged by its descriptor, and only where no other account can replace it: the
folders above it belong to us or to root, and no other account may write to them.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from pathlib import Path

__all__ = [
    "LOOK",
    "UntrustedFileError",
    "is_shared",
    "make_folder",
    "open_checked",
    "open_own",
    "require_trusted",
    "resolved",
    "resolved_folder",
]

MOST_LINKS = 40
"""Symbolic links in a path; Linux follows as many."""

LOOK: int = getattr(os, "O_PATH", os.O_RDONLY)
"""Opens a file just to be asked how it stands: its end does not end the locks of a process."""

_ANY = "any file"
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class UntrustedFileError(OSError):
    """A file or folder that others could have planted, or could change.

    Attributes:
        strerror: Why it is not used.
        hint: What to do.
    """

    def __init__(self, why: str, path: str | os.PathLike[str], hint: str) -> None:
        super().__init__(errno.EPERM, why, os.fspath(path))
        self.hint = hint


def resolved(path: str | os.PathLike[str], *, as_root: bool = False) -> str:
    """Return the absolute path of a file without links, once its folders are looked at.

    Links of our own, and of root, are followed: Kubernetes puts every secret behind two.

    Args:
        as_root: Root goes on with what belongs to the owner of its folder.

    Raises:
        UntrustedFileError: Another account can write to a folder on the way, or made a link in it.
        OSError: A folder cannot be looked at; one that is missing is fine.
    """
    todo = deque(Path(os.path.abspath(path)).parts[1:])  # noqa: PTH100 - follows no link
    at, links, folder = "/", 0, os.lstat("/")
    while todo:
        name = todo.popleft()
        if name == "..":  # of a link's target
            at = os.path.dirname(at)  # noqa: PTH120 - as text
            folder = os.lstat(at)
            continue
        here = os.path.join(at, name)  # noqa: PTH118 - as text
        try:
            found = os.lstat(here)
        except FileNotFoundError:
            return os.path.join(here, *todo)  # noqa: PTH118 - as text
        if stat.S_ISLNK(found.st_mode):
            links += 1
            target = _followed(here, found, folder, links, as_root=as_root)
            if target.startswith("/"):
                at, folder = "/", os.lstat("/")
            todo.extendleft(reversed([part for part in target.split("/") if part not in ("", ".")]))
        elif stat.S_ISDIR(found.st_mode):
            if todo:
                _refuse_folder(here, found, folder, is_last=len(todo) == 1, as_root=as_root)
            at, folder = here, found
        elif todo:
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), here)
        else:
            return here
    return at


def resolved_folder(folder: str | os.PathLike[str], *, as_root: bool = False) -> str:
    """Return the absolute path of a folder for files of ours; as `resolved`."""
    try:
        return os.path.dirname(resolved(Path(folder) / _ANY, as_root=as_root))  # noqa: PTH120 - as text
    except OSError as error:
        if os.path.basename(error.filename or "") == _ANY:  # noqa: PTH119 - as text
            error.filename = os.fspath(folder)
        raise


def _followed(
    link: str, found: os.stat_result, folder: os.stat_result, links: int, *, as_root: bool
) -> str:
    if links > MOST_LINKS:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), link)
    if not _is_trusted(found.st_uid, folder, as_root=as_root):
        raise _planted(link, found)
    return os.readlink(link)  # noqa: PTH115 - as text


def _is_trusted(uid: int, folder: os.stat_result, *, as_root: bool) -> bool:
    theirs = as_root and os.geteuid() == 0 and uid == folder.st_uid
    return theirs or uid in (os.geteuid(), 0)


def _refuse_folder(
    path: str, found: os.stat_result, above: os.stat_result, *, is_last: bool, as_root: bool
) -> None:
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise UntrustedFileError(
            f"everybody can write to the folder {path} (mode {stat.S_IMODE(found.st_mode):03o})",
            path,
            f"Take that away: chmod o-w {path} (or chmod +t, if others need it). "
            "Then look for files in it that are not yours.",
        )
    # Whose a folder further up is, is its owner's and root's affair, unless anybody could make it.
    counts = is_last or above.st_mode & stat.S_IWOTH
    of_group = bool(found.st_mode & stat.S_ISGID) and _is_of_our_group(found)
    if counts and not (of_group or _is_trusted(found.st_uid, found, as_root=as_root)):
        raise _foreign(path, found, "the folder ")


def _is_of_our_group(found: os.stat_result) -> bool:
    shared = bool(found.st_mode & stat.S_IWGRP) and not found.st_mode & stat.S_IWOTH
    return shared and (os.geteuid() == 0 or found.st_gid in {os.getegid(), *os.getgroups()})


def is_shared(found: os.stat_result, folder: os.stat_result) -> bool:
    """Return True if a group of ours shares a file: its folder is set up so (set-group-ID)."""
    set_up = bool(folder.st_mode & stat.S_ISGID) and folder.st_gid == found.st_gid
    return set_up and _is_of_our_group(found) and _is_of_our_group(folder)


def require_trusted(
    found: os.stat_result,
    path: str,
    folder: os.stat_result,
    *,
    as_root: bool = False,
    tightened: bool = False,
) -> None:
    """Refuse a file that is not ours alone, by what its descriptor tells.

    Args:
        as_root: As of `resolved`.
        tightened: The caller takes away what others may do with what is ours.

    Raises:
        UntrustedFileError: It is a link, a pipe or the like, has several names, belongs to another
            account, or everybody can write to it.
    """
    if stat.S_ISLNK(found.st_mode):
        raise _planted(path, found)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(found.st_mode):
        raise UntrustedFileError("it is not a regular file", path, "Name another file.")
    if found.st_nlink > 1:
        raise UntrustedFileError(
            f"it has {found.st_nlink} names (hard links)",
            path,
            f"Keep one of them; this finds them: find / -xdev -samefile {path}",
        )
    if not (_is_trusted(found.st_uid, folder, as_root=as_root) or is_shared(found, folder)):
        raise _foreign(path, found)
    if found.st_mode & stat.S_IWOTH and not (tightened and found.st_uid == os.geteuid()):
        raise UntrustedFileError(
            f"everybody can write to it (mode {stat.S_IMODE(found.st_mode):03o})",
            path,
            f"If its content is right: chmod 600 {path}. Else delete it.",
        )


def _planted(path: str, found: os.stat_result) -> UntrustedFileError:
    return UntrustedFileError(
        f"{path} is a link that another account (uid {found.st_uid}) may have put there",
        path,
        "Name the file itself, or remove the link.",
    )


def _foreign(path: str, found: os.stat_result, kind: str = "") -> UntrustedFileError:
    return UntrustedFileError(
        f"{kind or 'it '}{path + ' ' if kind else ''}belongs to another account "
        f"(uid {found.st_uid}; we are {os.geteuid()})",
        path,
        f"If it is yours: chown {os.geteuid()} {path}. Else name another place, or delete it.",
    )


def open_checked(path: str) -> os.stat_result | None:
    """Return the status of a file without reading it, or None if it does not exist.

    The descriptor is of the kind whose end does not end the locks that a process has on a file.
    """
    try:
        handle = os.open(path, LOOK | _NO_LINK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return os.lstat(path)
        raise
    try:
        return os.fstat(handle)
    finally:
        os.close(handle)


def open_own(path: str | os.PathLike[str], flags: int, *, tightened: bool = False) -> int:
    """Open a file that only we, and root, can have put there; return its descriptor.

    Args:
        tightened: As of `refuse`.

    Raises:
        UntrustedFileError: Another account can; nothing was read or written.
        OSError: It cannot be opened.
    """
    real = resolved(path)
    folder = os.stat(os.path.dirname(real))  # noqa: PTH116, PTH120 - as text
    handle = os.open(real, flags | _NO_LINK, 0o600)
    try:
        require_trusted(os.fstat(handle), real, folder, tightened=tightened)
        os.set_blocking(handle, True)
    except BaseException:
        os.close(handle)
        raise
    return handle


def make_folder(folder: str | os.PathLike[str], *, as_root: bool = False) -> str:
    """Make a folder for us alone, and those above it that are missing.

    Returns:
        The folder's absolute path, without links.

    Raises:
        UntrustedFileError: Another account can write to an existing one.
        OSError: It cannot be made.
    """
    real = Path(resolved_folder(folder, as_root=as_root))
    for one in reversed([one for one in (real, *real.parents) if not one.exists()]):
        try:
            one.mkdir(mode=0o700)
        except FileExistsError:
            continue  # another process was faster
        if one.lstat().st_mode & stat.S_IRWXU != stat.S_IRWXU:
            one.chmod(stat.S_IRWXU)  # the umask took it away
    return str(real)
