"""Notes: shared by all who use a store, and changed by one at a time."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pytest

from evergrant.stores.base import TokenStore
from evergrant.testing.contract_files import run_in_fork
from evergrant.testing.contract_sharing import THREADS, run_in_threads
from evergrant.testing.sample_tokens import ALICE, Reopen

__all__ = ["NotesContract"]

HOUR_S = 3_600.0
KEY = "k" * 64
LONGEST_NOTE = "".join(
    (
        "\u0639\u0631\u0628\u064a \u4e2d\u6587 \u00df\U0001f511",
        " ' \" \\ % _ {0} %s ${HOME}\t\n,;",
        "\U0001f511" * 1_000,
    )
).ljust(2_000, "x")
"""What a note must be able to hold: 2,000 characters, of any kind."""

PROCESSES = 3
CHANGES = 8
"""How many changes each thread or process makes."""

CHANGE_TAKES_S = 0.001
"""How long a change takes."""

MANY = 40
"""How many notes are written, of which some may be forgotten."""


class Interrupted(Exception):  # noqa: N818 - raised by a change, and no error of the store's
    """Raised by a change that is to be abandoned."""


def put(store: TokenStore, key: str, text: str, life: float = HOUR_S) -> None:
    """Write a note, whatever it was before."""
    assert store.update_note(key, lambda _: text, life=life) == text


def read(store: TokenStore, key: str) -> str:
    """Return the text of a note."""
    return store.update_note(key, lambda text: text, life=HOUR_S)


def add_lines(store: TokenStore, name: object, count: int = CHANGES) -> None:
    """Add lines to the common note, one after the other."""
    for number in range(count):
        line = f"{name}-{number}\n"
        assert store.update_note(KEY, partial(_with_line, line), life=HOUR_S).endswith(line)


def _with_line(line: str, text: str) -> str:
    time.sleep(CHANGE_TAKES_S)  # others have their turn between the reading and the writing
    return text + line


def lines(store: TokenStore) -> list[str]:
    """Return the lines of the common note, sorted."""
    return sorted(read(store, KEY).splitlines())


def all_lines(writers: int, count: int = CHANGES) -> list[str]:
    """Return the lines that these writers add, sorted."""
    return sorted(f"{writer}-{number}" for writer in range(writers) for number in range(count))


class NotesContract:
    """Notes: changed by one at a time, kept for their lifetime, and separate from tokens."""

    def test_a_note_begins_empty_and_is_kept_as_it_was_written(self, store: TokenStore) -> None:
        """Even if it is long and not in Latin letters; an empty text means no note."""
        assert read(store, KEY) == ""
        for text in (LONGEST_NOTE, "short", LONGEST_NOTE[::-1], "", "again"):
            put(store, KEY, text)
            assert read(store, KEY) == text

    def test_a_change_is_given_what_the_one_before_it_made(self, store: TokenStore) -> None:
        """The next change gets the result."""
        seen: list[str] = []

        def change(text: str) -> str:
            seen.append(text)
            return f"{text}x"

        for number in range(1, 4):
            assert store.update_note(KEY, change, life=HOUR_S) == "x" * number
        assert seen == ["", "x", "xx"]

    def test_notes_of_different_keys_are_apart(self, store: TokenStore) -> None:
        """However similar the keys are."""
        keys = [KEY, KEY[:-1], "a", "A", "a.", "a%", "a_", "1", "01"]
        for key in keys:
            assert read(store, key) == ""
            put(store, key, f"of {key}")
        assert [read(store, key) for key in keys] == [f"of {key}" for key in keys]
        put(store, "a", "")
        assert [read(store, key) for key in ("a", "A", "a_")] == ["", "of A", "of a_"]

    def test_a_change_that_raises_leaves_the_note_as_it_is(self, store: TokenStore) -> None:
        """The store stays usable."""

        def change(_: str) -> str:
            raise Interrupted

        for text in ("", "before"):
            put(store, KEY, text)
            with pytest.raises(Interrupted):
                store.update_note(KEY, change, life=HOUR_S)
            assert read(store, KEY) == text
        assert store.save_token(ALICE).version == 1

    def test_threads_that_change_a_note_lose_no_change(self, store: TokenStore) -> None:
        """Each change gets the result of the one before it."""
        run_in_threads(lambda thread: add_lines(store, thread))
        assert lines(store) == all_lines(THREADS)

    def test_a_note_is_neither_a_token_nor_a_change_of_one(self, store: TokenStore) -> None:
        """It outlives them: deleting a token does not give back what was used up at Zoho."""
        put(store, KEY, "before")
        saved = store.save_token(ALICE)
        generation = store.change_counter()
        assert read(store, KEY) == "before"
        assert store.change_counter() == generation
        assert store.get_tokens() == [saved]
        store.delete_token(str(saved.id))
        store.delete_tokens()
        assert read(store, KEY) == "before"

    def test_a_note_is_kept_for_its_life_and_never_comes_back_as_another(
        self, store: TokenStore
    ) -> None:
        """Its lifetime may end at once. Whether it is then forgotten is up to the store."""
        put(store, KEY, "kept")
        for number in range(MANY):
            put(store, f"old {number}", f"text {number}", life=-HOUR_S)
        put(store, "late", "kept as well")
        assert (read(store, KEY), read(store, "late")) == ("kept", "kept as well")
        assert all(read(store, f"old {n}") in ("", f"text {n}") for n in range(MANY))
        put(store, "old 0", "new")
        for number in range(1, MANY):
            put(store, f"old {number}", "newer", life=-HOUR_S)
        assert read(store, "old 0") == "new"

    def test_another_handle_changes_the_same_note(self, store: TokenStore, reopen: Reopen) -> None:
        """In turns and at the same time. It is still there after they are closed."""
        with reopen() as other:
            put(store, "turns", "mine")
            assert (
                other.update_note("turns", lambda text: f"{text} theirs", life=HOUR_S)
                == "mine theirs"
            )
            assert read(store, "turns") == "mine theirs"
            handles = (store, other)
            run_in_threads(lambda thread: add_lines(handles[thread % 2], thread))
            assert lines(store) == lines(other) == all_lines(THREADS)
        with reopen() as third:
            assert read(third, "turns") == "mine theirs"

    def test_processes_that_change_a_note_lose_no_change(
        self, store: TokenStore, reopen: Reopen, folder: Path | None
    ) -> None:
        """Each change gets the result of the one before it."""
        if folder is None:
            return

        def work(process: int) -> None:
            with reopen() as mine:
                add_lines(mine, process)

        workers = [run_in_fork(partial(work, process)) for process in range(PROCESSES)]
        forked_well = [os.waitpid(pid, 0)[1] == 0 for pid in workers]
        assert all(forked_well), "a process could not change the note"
        assert lines(store) == all_lines(PROCESSES)
