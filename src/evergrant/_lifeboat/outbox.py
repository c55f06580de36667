"""Where a granted token waits while its store cannot take it."""

from __future__ import annotations

import copy
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

TICK = 100_000_000
"""Nanoseconds within which a second change of a folder may leave its time as it is."""


class Lifeboat:
    """Tokens that wait for one store, each in a file of mode 0600; shared by processes.

    The tokens are held in memory too: on a full disk that is all there is. A file that is gone
    was restored, or given up, by another process.

    Args:
        folder: Where the files are; made, with mode 0700, when it is first needed.
        store_url: Tells the lifeboats of several stores apart.
        keyring: Seals the files; by default the keys that are set in the environment, if any.

    Raises:
        ConfigError: What is set in the environment is not a key, or others can write to the
            folder.
    """

    def __init__(self, folder: Path, store_url: str, keyring: Keyring | None = None) -> None:
        folder = folder.absolute()  # it stays where it is when the program changes its folder
        self._files = LifeboatFiles(folder, store_url, keyring or keyring_from_environment())
        self._files.refuse_untrusted()
        self._folder = str(folder)
        self._lock = ProcessLock()
        self._seats: list[Entry] = []
        self._unusable: dict[Path, EvergrantError] = {}
        self._folder_time: int | None = None

    @property
    def has_pending(self) -> bool:
        """Whether a token waits here, put by whichever process; cheap to ask."""
        if self._changed() != self._folder_time:
            with self._lock.for_this_process():
                self._reload()
        return bool(self._seats)

    def pending(self) -> list[Token]:
        """Return the tokens that wait."""
        with self._lock.for_this_process():
            self._reload()
            return [seat.token for seat in self._seats]

    def paths(self) -> set[Path]:
        """Return the files of this lifeboat, usable or not."""
        with self._lock.for_this_process():
            return {seat.path for seat in self._seats if seat.path} | self._unusable.keys()

    @property
    def unusable(self) -> dict[Path, EvergrantError]:
        """The files that cannot be used, each with the reason."""
        return dict(self._unusable)

    def find(self, id_: str | None) -> Token | None:
        """Return the newest token with this id that the store has not taken yet."""
        return next((s.token for s in reversed(self._seats) if id_ and s.token.id == id_), None)

    def replaced_grant(self, token: Token) -> str | None:
        """Return what a token that waits is over, as `put` was told."""
        return next((seat.over for seat in self._seats if seat.token == token), None)

    def add(self, token: Token, replaces: str | None = None) -> Path | None:
        """Take a token in; return the file it is in, or None if only memory holds it.

        Args:
            over: Names the grant that it takes the place of.
        """
        with self._lock.for_this_process():
            self._reload()
            for seat in self._seats:
                if seat.token == token and seat.path and os.path.exists(seat.path):  # noqa: PTH110 - never raises
                    return seat.path
            before = [seat for seat in self._seats if is_same(seat.token, token)]
            seat = Entry(token, replaces)
            self._seats = [*(known for known in self._seats if known not in before), seat]
            path = self._file(seat).path
            if path:
                self._remove_files(before)
            return path

    def _file(self, seat: Entry) -> Entry:
        """Give a seat a file of its own, as safe as can be; return the seat as it is then."""
        try:
            path = self._files.write(seat.token, seat.over)
            filed = Entry(seat.token, seat.over, path)
        except UntrustedFileError as error:
            self._tell_untrusted(error)
            return seat
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller has a grant to keep
            _logger.error("the lifeboat %s cannot be written: %s", self._files.folder, error)  # noqa: TRY400 - the text says it all
            return seat
        self._seats = [filed if known is seat else known for known in self._seats]
        return filed

    def restore(self, save: Callable[[Token], RestoreResult]) -> list[RestoreResult]:
        """Save every token that waits; return what became of each.

        Args:
            save: Stores one token, or raises a `StoreError`: then it waits on.
        """
        with self._lock.for_this_process():
            self._reload()
            # Logins last, or a refresh of the grant that one is over would take its place again.
            waiting = sorted(self._seats, key=lambda seat: seat.over is not None)
        # The lock is free meanwhile: who puts a token in must not wait for a slow store.
        boardings: list[RestoreResult] = []
        down: StoreError | None = None
        for seat in waiting:
            # Once the store is down for one, the others would wait for it in turns.
            boarding = self._keep(seat, down) if down else self._restore_entry(seat, save)
            down = boarding.problem if isinstance(boarding.problem, StoreUnavailable) else None
            boardings.append(boarding)
        return boardings

    def _restore_entry(self, seat: Entry, save: Callable[[Token], RestoreResult]) -> RestoreResult:
        try:
            boarding = save(seat.token)
        except StoreError as error:
            return self._keep(seat, error)
        with self._lock.for_this_process():
            self._remove_entry([seat])
        return boarding

    def _keep(self, seat: Entry, problem: StoreError) -> RestoreResult:
        _logger.warning("a token stays in the lifeboat: %s", problem)
        with self._lock.for_this_process():
            if seat in self._seats and not seat.path:
                self._file(seat)
        return RestoreResult(seat.token, RestoreOutcome.STILL_PENDING, problem)

    def remove(self, token: Token) -> None:
        """Forget a token that the store has taken by now, and any older one of its row."""
        with self._lock.for_this_process():
            self._remove_entry([seat for seat in self._seats if is_same(seat.token, token)])

    def discard(self, token: Token) -> None:
        """Forget what waits for a row that was deleted from the store on purpose."""
        with self._lock.for_this_process():
            self._reload()
            self._remove_entry([seat for seat in self._seats if is_of_row(seat.token, token)])

    def _remove_entry(self, seats: list[Entry]) -> None:
        self._seats = [seat for seat in self._seats if seat not in seats]
        self._remove_files(seats)

    def _remove_files(self, seats: list[Entry]) -> None:
        for seat in seats:
            if seat.path:
                try:
                    seat.path.unlink(missing_ok=True)
                except OSError as error:
                    self._set_aside(
                        seat.path,
                        ConfigError(f"it is not needed any more, and cannot be removed: {error}"),
                    )

    def repair(self, *, adopt: bool = False) -> list[tuple[Path, Path]]:
        """Move damaged files aside, once what can be read of them has files of its own.

        Args:
            adopt: Seal the files that are plain although there is a key, and use them.

        Returns:
            Where each was, and where it is now.

        Raises:
            OSError: One cannot be moved, or what is in it cannot be written.
        """
        with self._lock.for_this_process():
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
        """Learn which files have come and gone, if the folder has changed since the last look."""
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
        self._seats = [seat for seat in self._seats if seat.path is None or seat.path in paths]
        known = {seat.path for seat in self._seats} | self._unusable.keys()
        read = [self._read(path) for path in paths if path not in known]
        settled = all(read) and time.time_ns() - changed > TICK
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
        """Take a file's token in; return whether there is nothing to try again."""
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
        self._seats.append(Entry(token, over, path))
        return True

    def _set_aside(self, path: Path, error: EvergrantError) -> None:
        if isinstance(error, CorruptRecord):
            error = CorruptRecord(f"it is damaged: {error.message}", hint=REPAIR)
        # Without its traceback, whose frames hold what was read.
        self._unusable[path] = error = copy.copy(error)
        _logger.error("the lifeboat %s cannot be used: %s", path, error)
