"""Reads and writes a key file, and watches it for new keys."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

from evergrant._crypto.key_format import parse_keys
from evergrant._crypto.keys import Key, Keyring
from evergrant._files import ownership
from evergrant._files.ownership import UntrustedFileError
from evergrant._fork import ProcessLock
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import copy_error
from evergrant.errors import ConfigError, EvergrantError, StoreUnavailable
from evergrant.token import Secret

__all__ = ["FileKeyring", "read_lines", "write_lines"]

_logger = RateLimitedLog()

LOOK_EVERY_S = 1.0
"""Seconds after which the file is checked again, and a new key in it is used."""

LOCK_TIMEOUT_S = 0.5
"""Seconds that a caller waits for new keys, since AWS KMS may be slow to unwrap one."""

RETRY_EVERY_S = 30.0
"""Seconds between two attempts while KMS cannot be reached."""


class FileKeyring(Keyring):
    """The keys in a file, including those that are added while the process runs.

    If the file can no longer be read, that is logged once, and the known keys stay in use.

    Args:
        path: The file: one key per line, the newest first; readable only for its owner.

    Raises:
        ConfigError: The file does not exist, or has a line that is no key.
        StoreUnavailable: A key is wrapped by AWS KMS, which cannot be reached.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).absolute()
        self._stamp = _stamp(self._path)
        super().__init__(_read(self._path))
        self._look_at = time.monotonic() + LOOK_EVERY_S
        self._lock = ProcessLock()
        self._trouble: StoreUnavailable | None = None
        self._reader: threading.Thread | None = None

    def _known(self) -> dict[str, Key]:
        if (now := time.monotonic()) >= self._look_at:
            self._look_at = now + LOOK_EVERY_S  # other threads do not check now
            if _stamp(self._path) != self._stamp:
                self._reload_if_changed()
        return self._keys

    def _reload_if_changed(self) -> None:
        """Check the file in a thread, so that callers with a working key do not wait for KMS."""
        if self._reader and self._reader.is_alive():
            return
        self._reader = threading.Thread(target=self.reload, name="evergrant-keys", daemon=True)
        try:
            self._reader.start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            self.reload()
        else:
            self._reader.join(LOCK_TIMEOUT_S)

    def get(self, key_id: str) -> Key | None:
        """Return the key with this id, or None if the file does not have it by now.

        Raises:
            StoreUnavailable: The key may be wrapped by AWS KMS, which cannot be reached.
        """
        key = super().get(key_id)
        if key is None:
            # Another process may use a key that was just added to the file.
            self.reload()
            key = self._keys.get(key_id)
            if key is None and (trouble := self._trouble):
                raise copy_error(trouble)
        return key

    def reload(self) -> bool:
        """Read the file again if it has changed; return True if the keys have changed."""
        with self._lock.get():
            if self._trouble and time.monotonic() < self._look_at:
                return False
            self._look_at = time.monotonic() + LOOK_EVERY_S
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return False
            before, self._trouble = self._keys, None
            problem: EvergrantError | None = None
            try:
                self._keys = {key.id: key for key in reversed(list(_read(self._path)))}
            except EvergrantError as error:
                problem = error.with_traceback(None)
            if isinstance(problem, StoreUnavailable):
                self._trouble, self._look_at = problem, time.monotonic() + RETRY_EVERY_S
            else:
                self._stamp = stamp
        if problem:
            _logger.warning("the keys known before stay in use: %s", problem)
        return self._keys.keys() != before.keys()


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode


def _read(path: Path) -> list[Key]:
    return list(parse_keys(Secret("\n".join(read_lines(path))), f"the key file {path}"))


def read_lines(path: Path) -> list[Secret]:
    """Return the lines of a key file.

    Raises:
        ConfigError: The file cannot be read, or other accounts can read it.
    """
    try:
        # Every byte is a Latin-1 character; a line that is no key is refused later.
        handle = ownership.open_own(path, os.O_RDONLY)
        with os.fdopen(handle, encoding="latin-1") as file:
            _refuse_exposed(path, os.fstat(handle))
            return [Secret(line) for line in file.read().split()]
    except UntrustedFileError as error:
        raise ConfigError(
            f"the key file {path} was not read: {error.strerror}",
            hint=f"{error.hint} If others may have read or written it, make a new key.",
        ) from None
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}") from None


def _refuse_exposed(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    # Kubernetes mounts a secret as a file of root that the pod's group (fsGroup) can read.
    of_root = found.st_uid == 0 and (os.geteuid() != 0 or not mode & 0o200)
    if mode & (0o037 if of_root else 0o077):
        raise ConfigError(
            f"others can read the key file {path} (mode {mode:03o}); it was not read",
            hint=f"Run: chmod 600 {path}. If others may have read it, make a new key.",
        )


def write_lines(path: Path, lines: list[Secret]) -> None:
    """Replace a key file as a whole and durably; it is readable only for its owner.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        ownership.make_folder(path.parent)
        real = Path(ownership.resolved(path))  # the target of a link of our own, not the link
        if there := ownership.open_checked(str(real)):
            ownership.require_trusted(there, str(real), real.parent.stat())
        draft = real.with_name(f".{real.name}.draft")
        draft.unlink(missing_ok=True)
        handle = ownership.open_own(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with os.fdopen(handle, "w", encoding="latin-1") as file:
            os.fchmod(handle, 0o600)  # independent of the umask
            file.writelines(f"{line.reveal()}\n" for line in lines)
            file.flush()
            os.fsync(handle)
        draft.replace(real)
        folder = os.open(real.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except UntrustedFileError as error:
        raise ConfigError(
            f"the key file {path} was not written: {error.strerror}", hint=error.hint
        ) from None
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be written: {error.strerror}") from None
