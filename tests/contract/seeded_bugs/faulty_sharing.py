"""Stores that go wrong when several hands are on them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from evergrant.errors import StoreUnavailable
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import COLUMNS, Row
from evergrant.token import Token
from tests.contract.seeded_bugs.dict_store import DictStore, Shelf

__all__: list[str] = []

LOSE_NONE = "test_threads_that_save_different_users_lose_none"
ONE_ROW = "test_threads_that_save_the_same_user_make_one_row"
ONE_WINS = "test_of_threads_that_expect_the_same_version_one_wins"
FIRST_WINS = "test_of_threads_that_log_the_same_user_in_one_wins"
TORN = "test_a_reader_beside_a_writer_always_sees_a_whole_token"
LISTING = "test_a_listing_survives_what_is_done_while_it_is_read"
OWN = "test_a_listing_is_the_callers_own"
OTHERS = "test_what_one_handle_saves_every_other_finds"
HALF_READ = "test_a_half_read_listing_stops_nobody"
GENERATION = "test_every_change_is_a_new_generation"

A_MOMENT = 0.002
"""Seconds in which other threads get their turn."""


class LocksNothing(DictStore):
    caught_by = (LOSE_NONE, ONE_ROW, ONE_WINS, FIRST_WINS)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        yield

    def _next_number(self) -> int:
        number = self.shelf.last_number + 1
        time.sleep(A_MOMENT)
        self.shelf.last_number = number
        return number

    def _insert(self, row: Row) -> bool:
        self._put(row)
        return True

    def _update(self, row: Row, version: int) -> bool:
        time.sleep(A_MOMENT)
        self._put(row)
        return True


class ReadsInTwoSteps(DictStore):
    caught_by = (TORN,)

    def _put(self, row: Row) -> None:
        old = self.shelf.rows.get(str(row[0]))
        if old is not None:
            half = COLUMNS.index("access_token")
            self.shelf.rows[str(row[0])] = Row((*row[:half], *old[half:]))
            time.sleep(A_MOMENT)
        super()._put(row)

    def _all(self) -> list[Row]:
        return list(self.shelf.rows.values())


class IsEmptyWhileItWrites(ReadsInTwoSteps):
    def _put(self, row: Row) -> None:
        rows, self.shelf.rows = self.shelf.rows, {}
        time.sleep(A_MOMENT)
        self.shelf.rows = rows
        super()._put(row)


class ListsTheLivingDictionary(DictStore):
    caught_by = (LISTING,)

    def _rows(self) -> Iterator[Row]:
        return iter(self.shelf.rows.values())


class ListsByPosition(DictStore):
    caught_by = (LISTING,)

    def _rows(self) -> Iterator[Row]:
        position = 0
        while position < len(self.shelf.rows):
            yield list(self.shelf.rows.values())[position]
            position += 1


class GivesItsOwnListAway(DictStore):
    caught_by = (OWN,)

    def __init__(self, shelf: Shelf | None = None) -> None:
        super().__init__(shelf)
        self._listed: list[Token] = []

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        saved = super().save_token(token, expected_version=expected_version)
        self._listed = [*(t for t in self._listed if t.id != saved.id), saved]
        return saved

    def get_tokens(self, **how: Any) -> list[Token]:
        return self._listed


class WritesWhenItIsClosed(DictStore):
    caught_by = (OTHERS,)

    def __init__(self, shelf: Shelf | None = None) -> None:
        super().__init__()
        self._file = shelf or Shelf()
        self.shelf.rows = dict(self._file.rows)

    def another(self) -> DictStore:
        return type(self)(self._file)

    def close(self) -> None:
        self._file.rows = dict(self.shelf.rows)


class LooksOnlyWhenItIsOpened(DictStore):
    caught_by = (OTHERS, "test_another_handles_save_is_noticed")

    def another(self) -> DictStore:
        other = super().another()
        other.shelf = Shelf()
        other.shelf.rows = dict(self.shelf.rows)
        return other


class CountsIdsByItself(DictStore):
    caught_by = ("test_ids_are_not_used_again_by_another_handle",)

    def another(self) -> DictStore:
        self.shelf.last_number = 0
        return super().another()


class LocksWhileItLists(DictStore):
    caught_by = (HALF_READ,)

    def _rows(self) -> Iterator[Row]:
        self.shelf.leases["listing"] = ("", self._clock())
        yield from self._all()
        del self.shelf.leases["listing"]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if "listing" in self.shelf.leases:
            raise StoreUnavailable("locked")
        with super()._transaction():
            yield


class NeverANewGeneration(DictStore):
    caught_by = (GENERATION,)

    def change_counter(self) -> int | None:
        return 1


class ANewGenerationEveryTime(DictStore):
    caught_by = (GENERATION,)

    def change_counter(self) -> int | None:
        self.shelf.changes += 1
        return self.shelf.changes


class CountsOnlyItsOwnChanges(DictStore):
    caught_by = (GENERATION,)

    def __init__(self, shelf: Shelf | None = None) -> None:
        super().__init__(shelf)
        self._own = 0

    def _put(self, row: Row) -> None:
        self._own += 1
        super()._put(row)

    def change_counter(self) -> int | None:
        return self._own


class DoesNotCountDeletions(DictStore):
    caught_by = (GENERATION,)

    def _delete(self, id_: str) -> bool:
        deleted = super()._delete(id_)
        self.shelf.changes -= deleted
        return deleted


class SavesTwice(DictStore):
    caught_by = (ONE_ROW,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        saved = super().save_token(token, expected_version=expected_version)
        if expected_version is not None:
            return saved
        return super().save_token(replace(saved, last_used_at=self._clock()))


class FindsOnlyWhatItSavedItself(DictStore):
    caught_by = (OTHERS,)

    def __init__(self, shelf: Shelf | None = None) -> None:
        super().__init__(shelf)
        self._mine: set[str] = set()

    def _put(self, row: Row) -> None:
        self._mine.add(str(row[0]))
        super()._put(row)

    def _select(self, criterion: Criterion) -> list[Row]:
        return [row for row in super()._select(criterion) if row[0] in self._mine]
