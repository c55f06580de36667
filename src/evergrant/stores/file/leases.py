"""Leases on the tokens of a file: a small file for each, which can be requested without a lock.

Callers that wait for a refresh request its lease again and again. If each request locked the token
file, the caller that refreshes would wait in the same queue, for longer than a lease lasts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from hashlib import sha256
from pathlib import Path

from evergrant._files import secure_files
from evergrant.stores.file.snapshot import Stamp, stamp
from evergrant.stores.leases import LeaseRecord, is_active

__all__ = ["FileLeases"]

OLD_S = 86_400.0
"""Seconds after which a lease that was not given back is removed."""


class FileLeases:
    """The leases beside a file of tokens.

    Args:
        tokens: The path of the token file; a lease's file is beside it and has the same owner.
        lock: Locks the token file. It is needed to change an existing lease, which one process
            may extend or give back late while another takes it over.

    Raises:
        OSError: A file cannot be read, written or removed; each method may raise this.
    """

    def __init__(self, tokens: str, lock: Callable[[], AbstractContextManager[object]]) -> None:
        self._tokens = Path(tokens)
        self._lock = lock

    def acquire(self, id_: str, owner: str, now: int, ttl: float) -> bool:
        """Record a lease unless another owner's is active; return True if it was recorded.

        Args:
            now: Epoch milliseconds.
            ttl: Seconds.
        """
        path = self._path(id_)
        text = f"{owner} {now} {now + int(ttl * 1000)}".encode()
        while not self._create(path, text, owner):
            with suppress(FileNotFoundError):  # it was given back just now
                held = _read(path)
                if held and held[0] != owner and is_active(*held[1:], now):
                    return False
                with self._lock():
                    if _read(path) == held:  # else another process has taken it over
                        self._draft(path, text, owner).replace(path)
                        return True
        return True

    def release(self, id_: str, owner: str) -> None:
        """Remove the lease if it is this owner's."""
        with self._lock(), suppress(FileNotFoundError):
            held = _read(self._path(id_))
            if held and held[0] == owner:
                self._path(id_).unlink()

    def version(self, id_: str) -> Stamp | None:
        """Return a value that differs after the lease was granted or given back."""
        try:
            return stamp(os.stat(self._path(id_)))  # noqa: PTH116 - asked all the time
        except FileNotFoundError:
            return None

    def remove_all(self) -> None:
        """Remove every lease; the caller holds the lock."""
        self._remove(older_than=0)

    def remove_stale(self) -> None:
        """Remove the leases of holders that died; the caller holds the lock."""
        self._remove(older_than=OLD_S)

    def _remove(self, older_than: float) -> None:
        for path in self._tokens.parent.glob(f"{_escaped(self._tokens.name)}.lease-*"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime >= older_than:
                    path.unlink()

    def _path(self, id_: str) -> Path:
        name = sha256(id_.encode(errors="surrogatepass")).hexdigest()[:16]
        return self._tokens.with_name(f"{self._tokens.name}.lease-{name}")

    def _create(self, path: Path, text: bytes, owner: str) -> bool:
        """Create a lease's file with all its content in one step; return False if it exists."""
        draft = self._draft(path, text, owner)
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return False
        except OSError:
            # Some file systems have no hard links; there, the lock is used instead.
            return self._create_in_turn(path, draft)
        finally:
            draft.unlink(missing_ok=True)
        return True

    def _create_in_turn(self, path: Path, draft: Path) -> bool:
        with self._lock():
            if os.path.lexists(path):
                return False
            draft.replace(path)
        return True

    def _draft(self, path: Path, text: bytes, owner: str) -> Path:
        draft = path.with_name(f"{path.name}.{owner}")
        flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(draft, flags, 0o600)
        try:
            secure_files.chown(handle, str(draft), self._tokens.stat())
            os.write(handle, text)
        finally:
            os.close(handle)
        return draft


def _read(path: Path) -> LeaseRecord | None:
    """Return the lease in a file, or None if the file is damaged."""
    try:
        owner, since, until = path.read_bytes().decode("ascii").split()
        return owner, int(since), int(until)
    except ValueError:
        return None


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
