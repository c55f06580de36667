"""Stores that lose notes, mix them, or let two change one at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.contract.seeded_bugs.dict_store import DictStore
from tests.contract.seeded_bugs.faulty_files import FileDict

__all__: list[str] = []

KEPT = "test_a_note_begins_empty_and_is_kept_as_it_was_written"
IN_TURN = "test_a_change_is_given_what_the_one_before_it_made"
APART = "test_notes_of_different_keys_are_apart"
RAISES = "test_a_change_that_raises_leaves_the_note_as_it_is"
THREADS = "test_threads_that_change_a_note_lose_no_change"
NO_TOKEN = "test_a_note_is_neither_a_token_nor_a_change_of_one"
LIFE = "test_a_note_is_kept_for_its_life_and_never_comes_back_as_another"
HANDLES = "test_another_handle_changes_the_same_note"
PROCESSES = "test_processes_that_change_a_note_lose_no_change"

A_MOMENT = 0.002
"""Seconds in which other threads get their turn."""


class CutsNotesShort(DictStore):
    caught_by = (KEPT,)

    def _set_note(self, key: str, text: str, until: int) -> None:
        super()._set_note(key, text[:255], until)


class KeepsNotesInLatin(DictStore):
    caught_by = (KEPT,)

    def _set_note(self, key: str, text: str, until: int) -> None:
        super()._set_note(key, text.encode("latin-1", "replace").decode("latin-1"), until)


class NeverEmptiesANote(DictStore):
    caught_by = (KEPT, APART)

    def _set_note(self, key: str, text: str, until: int) -> None:
        if text:
            super()._set_note(key, text, until)


class BeginsANoteWithNone(DictStore):
    caught_by = (KEPT, APART)

    def _get_note(self, key: str) -> str:
        return self.shelf.notes.get(key, "None")


class KeepsTheFirstNote(DictStore):
    caught_by = (KEPT, IN_TURN)

    def _set_note(self, key: str, text: str, until: int) -> None:
        if not self._get_note(key):
            super()._set_note(key, text, until)


class AnswersWithTheNoteAsItWas(DictStore):
    caught_by = (KEPT, IN_TURN)

    def update_note(self, key: str, change: Callable[[str], str], *, life: float) -> str:
        before = self._get_note(key)
        super().update_note(key, change, life=life)
        return before


class TakesNoNoticeOfCase(DictStore):
    caught_by = (APART,)

    def _get_note(self, key: str) -> str:
        return super()._get_note(key.lower())

    def _set_note(self, key: str, text: str, until: int) -> None:
        super()._set_note(key.lower(), text, until)


class KeepsOneNote(DictStore):
    caught_by = (APART, LIFE)

    def _set_note(self, key: str, text: str, until: int) -> None:
        self.shelf.notes.clear()
        super()._set_note(key, text, until)


class EmptiesANoteBeforeItIsChanged(DictStore):
    caught_by = (RAISES,)

    def update_note(self, key: str, change: Callable[[str], str], *, life: float) -> str:
        before = self._get_note(key)
        super().update_note(key, lambda _: "", life=life)
        return super().update_note(key, lambda _: change(before), life=life)


class StaysLockedWhenAChangeRaises(DictStore):
    caught_by = (RAISES,)

    def update_note(self, key: str, change: Callable[[str], str], *, life: float) -> str:
        if "locked" in self.shelf.notes:
            raise RuntimeError
        self.shelf.notes["locked"] = ""
        answer = super().update_note(key, change, life=life)
        del self.shelf.notes["locked"]
        return answer


class AmendsWithoutALock(DictStore):
    caught_by = (THREADS, HANDLES)

    def update_note(self, key: str, change: Callable[[str], str], *, life: float) -> str:
        after = change(self._get_note(key))
        time.sleep(A_MOMENT)
        self._set_note(key, after, 0)
        return after


class ForgetsNotesWithItsTokens(DictStore):
    caught_by = (NO_TOKEN,)

    def _delete_all(self) -> None:
        super()._delete_all()
        self.shelf.notes.clear()


class TakesALookAtANoteForAChange(DictStore):
    caught_by = (NO_TOKEN,)

    def _get_note(self, key: str) -> str:
        self.shelf.changes += 1
        return super()._get_note(key)


class ForgetsYoungNotesWithTheOld(DictStore):
    caught_by = (LIFE,)

    def _set_note(self, key: str, text: str, until: int) -> None:
        if until < self._clock().timestamp() * 1000:
            self.shelf.notes.clear()
        super()._set_note(key, text, until)


class EmptiesOldNotesForWhoeverComesNext(DictStore):
    caught_by = (LIFE,)

    def _get_note(self, key: str) -> str:
        return super()._get_note("old 1" if key.startswith("old") and key != "old 0" else key)


class KeepsNotesToItself(DictStore):
    caught_by = (HANDLES,)

    def __init__(self, *shelf: object) -> None:
        super().__init__(*shelf)  # type: ignore[arg-type]
        self._own: dict[str, str] = {}

    def _get_note(self, key: str) -> str:
        return self._own.get(key, "")

    def _set_note(self, key: str, text: str, until: int) -> None:
        self._own[key] = text


class ForgetsNotesWhenItIsClosed(DictStore):
    caught_by = (HANDLES,)

    def close(self) -> None:
        self.shelf.notes.clear()


class NotesWithoutALockFile(FileDict):
    caught_by = (PROCESSES,)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self.shelf.lock:
            self._load()
            yield
            time.sleep(A_MOMENT)
            self._dump(self._kept())


class NotesInMemoryBesideAFile(FileDict):
    caught_by = (PROCESSES,)

    def _kept(self) -> dict[str, object]:
        return super()._kept() | {"notes": {}}
