"""Leases on the tokens of a file: a small file for each, which is asked for without a lock.

Those who wait for a refresh ask for its lease again and again. If each had to lock the tokens
for that, the one who refreshes them would stand in the same queue, for longer than a lease runs.
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

OLD = 86_400.0
"""Seconds after which a lease that nobody gave back is removed."""


class FileLeases:
    """The leases beside a file of tokens.

    Args:
        tokens: The path of the file of tokens; a lease's own is beside it, and its owner's.
        lock: Locks the tokens, for changing a lease that is there: what a holder extends or gives
            back late, another may take over in that moment.

    Raises:
        OSError: A file cannot be read, written or removed; each method may.
    """

    def __init__(self, tokens: str, lock: Callable[[], AbstractContextManager[object]]) -> None:
        self._tokens = Path(tokens)
        self._lock = lock

    def acquire(self, id_: str, owner: str, now: int, ttl: float) -> bool:
        """Note a lease unless another's still runs; say whether it was noted.

        Args:
            now: Epoch milliseconds.
            ttl: Seconds.
        """
        path = self._path(id_)
        text = f"{owner} {now} {now + int(ttl * 1000)}".encode()
        while not self._create(path, text, owner):
            with suppress(FileNotFoundError):  # it was given back in this moment
                held = _read(path)
                if held and held[0] != owner and is_active(*held[1:], now):
                    return False
                with self._lock():
                    if _read(path) == held:  # else somebody else has taken it over
                        self._draft(path, text, owner).replace(path)
                        return True
        return True

    def release(self, id_: str, owner: str) -> None:
        """Forget the lease if it is this owner's."""
        with self._lock(), suppress(FileNotFoundError):
            held = _read(self._path(id_))
            if held and held[0] == owner:
                self._path(id_).unlink()

    def version(self, id_: str) -> Stamp | None:
        """Return what differs once a lease was granted or given back."""
        try:
            return stamp(os.stat(self._path(id_)))  # noqa: PTH116 - asked all the time
        except FileNotFoundError:
            return None

    def remove_all(self) -> None:
        """Forget every lease; the caller holds the lock."""
        self._remove(older_than=0)

    def remove_stale(self) -> None:
        """Forget what holders that died left behind; the caller holds the lock."""
        self._remove(older_than=OLD)

    def _remove(self, older_than: float) -> None:
        for path in self._tokens.parent.glob(f"{_escaped(self._tokens.name)}.lease-*"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime >= older_than:
                    path.unlink()

    def _path(self, id_: str) -> Path:
        name = sha256(id_.encode(errors="surrogatepass")).hexdigest()[:16]
        return self._tokens.with_name(f"{self._tokens.name}.lease-{name}")

    def _create(self, path: Path, text: bytes, owner: str) -> bool:
        """Make a lease's file, with all that is in it at once; false if there is one."""
        draft = self._draft(path, text, owner)
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return False
        except OSError:
            # Some file systems have no second name for a file: those ask for the lock instead.
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
    """Return the lease that a file holds; None where it is damaged."""
    try:
        owner, since, until = path.read_bytes().decode("ascii").split()
        return owner, int(since), int(until)
    except ValueError:
        return None


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
