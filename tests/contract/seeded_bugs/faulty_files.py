"""Stores in a file that others can read, or that is damaged when its writer dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from evergrant.errors import StoreUnavailable
from evergrant.stores.rows import Row
from tests.contract.seeded_bugs.dict_store import DictStore

__all__: list[str] = []

KILLED = "test_a_writer_that_is_killed_leaves_every_token_whole"
AT_ONCE = "test_processes_that_save_at_the_same_time_lose_none"
MODE = "test_no_file_can_be_read_by_anybody_else"

A_WHILE = 0.02
"""Seconds that a careless writer needs between two steps."""


class FileDict(DictStore):
    """Correct: reads the file anew each time, and replaces it whole, under a lock."""

    mode: ClassVar[int] = 0o600

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.file = folder / "tokens.json"
        self._inside = False

    @classmethod
    def make(cls, folder: Path) -> DictStore:
        return cls(folder)

    def another(self) -> DictStore:
        other = type(self)(self.folder)
        other.shelf.leases = self.shelf.leases
        return other

    def change_counter(self) -> None:
        return None

    def _wait_counter(self) -> None:
        return None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self.shelf.lock, self._locked():
            self._load()
            self._inside = True
            try:
                with super()._transaction():
                    yield
                self._dump(self._kept())
            finally:
                self._inside = False

    def _kept(self) -> dict[str, object]:
        shelf = self.shelf
        return {
            "rows": list(shelf.rows.values()),
            "last": shelf.last_number,
            "notes": shelf.notes,
        }

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._open(self.folder / "lock", os.O_WRONLY) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _open(self, path: Path, flags: int) -> Iterator[int]:
        file = os.open(path, flags | os.O_CREAT, self.mode)
        try:
            yield file
        finally:
            os.close(file)

    def _load(self) -> None:
        if self.file.exists():
            kept = json.loads(self.file.read_text())
            self.shelf.rows = {row[0]: Row(row) for row in kept["rows"]}
            self.shelf.last_number = kept["last"]
            self.shelf.notes = kept["notes"]

    def _dump(self, kept: object) -> None:
        draft = self.file.with_suffix(".new")
        self._write(draft, json.dumps(kept))
        draft.replace(self.file)

    def _write(self, path: Path, text: str) -> None:
        with self._open(path, os.O_WRONLY | os.O_TRUNC) as file:
            path.chmod(self.mode)
            os.write(file, text.encode())

    def _all(self) -> list[Row]:
        with self.shelf.lock:
            if not self._inside:
                self._load()
            return super()._all()

    def _get_note(self, key: str) -> str:
        with self.shelf.lock:
            if not self._inside:
                self._load()
            return super()._get_note(key)


class LetsEverybodyRead(FileDict):
    caught_by = (MODE,)
    mode = 0o644


class LetsTheGroupWrite(FileDict):
    caught_by = (MODE,)
    mode = 0o660


class WritesInPlace(FileDict):
    caught_by = (KILLED,)

    def _dump(self, kept: object) -> None:
        self._write(self.file, "")
        time.sleep(A_WHILE)
        self._write(self.file, json.dumps(kept))


class TakesADamagedFileForAnEmptyOne(WritesInPlace):
    caught_by = (KILLED,)

    def _load(self) -> None:
        self.shelf.rows = {}
        if self.file.exists() and self.file.read_text():
            super()._load()


class SavesHalfATokenAfterTheOther(FileDict):
    caught_by = (KILLED,)

    def _dump(self, kept: object) -> None:
        before = json.loads(self.file.read_text())["rows"] if self.file.exists() else []
        old = {row[0]: row for row in before}
        rows = list(self.shelf.rows.values())
        half = [(*row[:5], *old.get(row[0], row)[5:]) for row in rows]
        super()._dump(self._kept() | {"rows": half})
        time.sleep(A_WHILE)
        super()._dump(kept)


class NeedsAnUnlockThatADeadWriterCannotGive(FileDict):
    caught_by = (KILLED,)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        taken = self.folder / "taken"
        for _ in range(100):
            try:
                taken.touch(exist_ok=False, mode=self.mode)
            except FileExistsError:
                time.sleep(A_WHILE / 10)
            else:
                break
        else:
            raise StoreUnavailable("locked")
        time.sleep(A_WHILE)
        try:
            yield
        finally:
            taken.unlink()


class LocksOnlyItsOwnThreads(FileDict):
    caught_by = (AT_ONCE,)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        yield

    def _dump(self, kept: object) -> None:
        time.sleep(A_WHILE)
        draft = self.file.with_suffix(f".{os.getpid()}")
        self._write(draft, json.dumps(kept))
        draft.replace(self.file)


class ReadsTheFileWhenItIsOpenedOnly(FileDict):
    caught_by = (AT_ONCE,)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        super()._load()

    def _load(self) -> None:
        """Once is enough, it thinks."""
