"""The outbox of granted tokens: they wait here while their store cannot take them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from evergrant._crypto.key_sources import keyring_from_environment
from evergrant._crypto.keys import Keyring
from evergrant._files.ownership import UntrustedFileError
from evergrant._fork import ProcessLock
from evergrant._lifeboat.entries import Entry, is_of_row, is_same
from evergrant._lifeboat.files import PLAIN, LifeboatFiles
from evergrant._lifeboat.restore_result import RestoreOutcome, RestoreResult
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import copy_error
from evergrant.errors import (
    ConfigError,
    CorruptRecord,
    EvergrantError,
    StoreError,
    StoreUnavailable,
)
from evergrant.token import Token

__all__ = ["Lifeboat"]

_logger = RateLimitedLog()

REPAIR = "Mend it by hand, or run: evergrant doctor --repair"

FOLDER_TICK_NS = 100_000_000
"""Nanoseconds within which a second change of a folder may not change its time stamp."""


class Lifeboat:
    """Tokens that wait for one store, each in a file of mode 0600; shared by processes.

    The tokens are held in memory too: on a full disk that is the only copy. A file that is gone
    was restored or discarded by another process.

    Args:
        folder: Where the files are; made, with mode 0700, when it is first needed.
        store_url: Tells the lifeboats of several stores apart.
        keyring: Encrypts the files; by default the keys that are set in the environment, if any.

    Raises:
        ConfigError: What is set in the environment is not a key, or others can write to the
            folder.
    """

    def __init__(self, folder: Path, store_url: str, keyring: Keyring | None = None) -> None:
        folder = folder.absolute()  # it stays where it is when the program changes its folder
        self._files = LifeboatFiles(folder, store_url, keyring or keyring_from_environment())
        self._files.require_trusted()
        self._folder = str(folder)
        self._lock = ProcessLock()
        self._entries: list[Entry] = []
        self._unusable: dict[Path, EvergrantError] = {}
        self._folder_time: int | None = None

    @property
    def has_pending(self) -> bool:
        """Whether a token of any process is pending; cheap to ask."""
        if self._changed() != self._folder_time:
            with self._lock.get():
                self._reload()
        return bool(self._entries)

    def pending(self) -> list[Token]:
        """Return the pending tokens."""
        with self._lock.get():
            self._reload()
            return [entry.token for entry in self._entries]

    def paths(self) -> set[Path]:
        """Return the files of this lifeboat, usable or not."""
        with self._lock.get():
            return {entry.path for entry in self._entries if entry.path} | self._unusable.keys()

    @property
    def unusable(self) -> dict[Path, EvergrantError]:
        """The files that cannot be used, each with the reason."""
        return dict(self._unusable)

    def find(self, id_: str | None) -> Token | None:
        """Return the newest pending token with this id, or None."""
        return next((s.token for s in reversed(self._entries) if id_ and s.token.id == id_), None)

    def replaced_grant(self, token: Token) -> str | None:
        """Return the name of the grant that a pending token replaces, or None."""
        return next((entry.replaces for entry in self._entries if entry.token == token), None)

    def add(self, token: Token, replaces: str | None = None) -> Path | None:
        """Add a token; return its file, or None if only memory holds it.

        Args:
            replaces: The name of the grant that this login supersedes, if known.
        """
        with self._lock.get():
            self._reload()
            for entry in self._entries:
                if entry.token == token and entry.path and os.path.exists(entry.path):  # noqa: PTH110 - never raises
                    return entry.path
            before = [entry for entry in self._entries if is_same(entry.token, token)]
            entry = Entry(token, replaces)
            self._entries = [*(known for known in self._entries if known not in before), entry]
            path = self._file(entry).path
            if path:
                self._remove_files(before)
            return path

    def _file(self, entry: Entry) -> Entry:
        """Write an entry to a file of its own if possible; return the entry as it is then."""
        try:
            path = self._files.write(entry.token, entry.replaces)
            filed = Entry(entry.token, entry.replaces, path)
        except UntrustedFileError as error:
            self._tell_untrusted(error)
            return entry
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller has a grant to keep
            _logger.error("the lifeboat %s cannot be written: %s", self._files.folder, error)  # noqa: TRY400 - the text says it all
            return entry
        self._entries = [filed if known is entry else known for known in self._entries]
        return filed

    def restore(self, save: Callable[[Token], RestoreResult]) -> list[RestoreResult]:
        """Save every pending token; return the result for each.

        Args:
            save: Stores one token, or raises a `StoreError`, and the token stays pending.
        """
        with self._lock.get():
            self._reload()
            # Logins last: a refresh of the grant that a login replaces would overwrite it.
            waiting = sorted(self._entries, key=lambda entry: entry.replaces is not None)
        # The lock is free now: adding a token must not wait for a slow store.
        results: list[RestoreResult] = []
        down: StoreError | None = None
        for entry in waiting:
            # Once the store is down for one token, each of the others would wait for it, too.
            result = self._keep(entry, down) if down else self._restore_entry(entry, save)
            down = result.problem if isinstance(result.problem, StoreUnavailable) else None
            results.append(result)
        return results

    def _restore_entry(self, entry: Entry, save: Callable[[Token], RestoreResult]) -> RestoreResult:
        try:
            result = save(entry.token)
        except StoreError as error:
            return self._keep(entry, error)
        with self._lock.get():
            self._remove_entry([entry])
        return result

    def _keep(self, entry: Entry, problem: StoreError) -> RestoreResult:
        _logger.warning("a token stays in the lifeboat: %s", problem)
        with self._lock.get():
            if entry in self._entries and not entry.path:
                self._file(entry)
        return RestoreResult(entry.token, RestoreOutcome.STILL_PENDING, problem)

    def remove(self, token: Token) -> None:
        """Remove a token that the store has taken, and any older one of its row."""
        with self._lock.get():
            self._remove_entry([entry for entry in self._entries if is_same(entry.token, token)])

    def discard(self, token: Token) -> None:
        """Remove what is pending for a row that was deleted on purpose."""
        with self._lock.get():
            self._reload()
            self._remove_entry([entry for entry in self._entries if is_of_row(entry.token, token)])

    def _remove_entry(self, entries: list[Entry]) -> None:
        self._entries = [entry for entry in self._entries if entry not in entries]
        self._remove_files(entries)

    def _remove_files(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.path:
                try:
                    entry.path.unlink(missing_ok=True)
                except OSError as error:
                    self._set_aside(
                        entry.path,
                        ConfigError(f"it is not needed any more, and cannot be removed: {error}"),
                    )

    def repair(self, *, adopt: bool = False) -> list[tuple[Path, Path]]:
        """Move damaged files aside, after what can be read of them has files of its own.

        Args:
            adopt: Encrypt files that are plain although there is a key, and use them.

        Returns:
            The old and the new path of each.

        Raises:
            OSError: One cannot be moved, or what is in it cannot be written.
        """
        with self._lock.get():
            self._files.recover_drafts()
            self._reload(again=True)
            if adopt:
                self._adopt()
            damaged = [p for p, why in self._unusable.items() if isinstance(why, CorruptRecord)]
            moved = [(path, self._files.move_aside(path)) for path in damaged]
            for path in damaged:
                del self._unusable[path]
            self._reload(again=True)
            return moved

    def _tell_untrusted(self, error: UntrustedFileError) -> None:
        where = self._files.folder
        _logger.error("the lifeboat %s cannot be used: %s. %s", where, error.strerror, error.hint)

    def _adopt(self) -> None:
        for path in [p for p, why in self._unusable.items() if why.hint == PLAIN]:
            try:
                if path == self._files.old_list:
                    self._files.migrate_list_format(adopt=True)
                else:
                    self._files.adopt(path)
            except (ConfigError, CorruptRecord) as error:
                self._set_aside(path, error)
            else:
                del self._unusable[path]
        self._reload(again=True)

    def _changed(self) -> int | None:
        try:
            # Also when its mode or its owner changes: it may be refused, or trusted, from then on.
            return os.stat(self._folder).st_ctime_ns  # noqa: PTH116 - twice as fast
        except OSError:
            return None

    def _reload(self, *, again: bool = False) -> None:
        """Read which files have come and gone, if the folder has changed since the last time."""
        changed = self._changed()
        if changed is None or (changed == self._folder_time and not again):
            return
        try:
            paths = self._files.paths()
            if self._split_old_list():
                paths = self._files.paths()
        except UntrustedFileError as error:
            self._tell_untrusted(error)
            self._folder_time = changed
            return
        except OSError as error:
            _logger.error("the lifeboat %s cannot be read: %s", self._files.folder, error)  # noqa: TRY400 - the text says it all
            return
        self._entries = [
            entry for entry in self._entries if entry.path is None or entry.path in paths
        ]
        known = {entry.path for entry in self._entries} | self._unusable.keys()
        read = [self._read(path) for path in paths if path not in known]
        settled = all(read) and time.time_ns() - changed > FOLDER_TICK_NS
        self._folder_time = changed if settled else None

    def _split_old_list(self) -> bool:
        old = self._files.old_list
        if not old.exists() or old in self._unusable:
            return False
        try:
            self._files.migrate_list_format()
        except UntrustedFileError as error:
            self._set_aside(old, ConfigError(f"{error.strerror}", hint=error.hint))
        except (ConfigError, CorruptRecord) as error:
            self._set_aside(old, error)
        return True

    def _read(self, path: Path) -> bool:
        """Read a file's token; return False if it should be tried again."""
        try:
            token, over = self._files.read(path)
        except FileNotFoundError:
            return True
        except UntrustedFileError as error:
            self._set_aside(path, ConfigError(f"{error.strerror}", hint=error.hint))
            return True
        except PermissionError as error:
            self._set_aside(path, ConfigError(f"it cannot be read: {error.strerror}"))
            return True
        except OSError as error:
            _logger.error("the lifeboat %s cannot be read: %s", path, error)  # noqa: TRY400 - the text says it all
            return False
        except (ConfigError, CorruptRecord) as error:
            self._set_aside(path, error)
            return True
        self._entries.append(Entry(token, over, path))
        return True

    def _set_aside(self, path: Path, error: EvergrantError) -> None:
        if isinstance(error, CorruptRecord):
            error = CorruptRecord(f"it is damaged: {error.message}", hint=REPAIR)
        self._unusable[path] = error = copy_error(error)
        _logger.error("the lifeboat %s cannot be used: %s", path, error)
