"""Stores that are careless about ids, versions and deletion."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from evergrant.errors import Conflict, StoreError, TokenNotFound
from evergrant.stores.matching import Criterion, freshest
from evergrant.stores.rows import Row
from evergrant.token import Token
from tests.contract.seeded_bugs.dict_store import DictStore

__all__: list[str] = []

SHORT = "test_ids_are_short_numbers_and_never_the_same"
AGAIN = "test_the_id_of_a_deleted_row_is_not_used_again"
CHOSEN = "test_an_id_that_the_caller_chose_is_kept_from_the_first_save_on"
ROUND = "test_given_ids_go_round_chosen_ones"
CURRENT = "test_a_save_that_expects_the_current_version_wins"
ANOTHER = "test_a_save_that_expects_another_version_is_refused"
ZERO = "test_version_zero_expects_no_row_yet"
BACK = "test_a_deleted_row_does_not_come_back"
UNKNOWN = "test_deleting_an_unknown_id_is_an_error"
CHANGED = "test_a_delete_that_expects_another_version_deletes_nothing"
ALL = "test_deletes_all"
ANEW = "test_an_old_copy_does_not_touch_the_row_that_took_its_place"
ONE = "test_deletes_one_row_and_no_other"


class CountsIdsAsText(DictStore):
    caught_by = (SHORT,)

    def _next_number(self) -> int:
        return int(max(self.shelf.rows, default="0")) + 1


class CountsTheRows(DictStore):
    caught_by = (AGAIN, "test_ids_are_not_used_again_by_another_handle")

    def _next_number(self) -> int:
        return max((int(id_) for id_ in self.shelf.rows), default=0) + 1


class GivesLongIds(DictStore):
    caught_by = (SHORT,)

    def _new_id(self) -> str:
        return uuid.uuid4().hex


class IgnoresChosenIds(DictStore):
    caught_by = (CHOSEN,)

    def _checked_id(self, id_: str) -> str:
        return self._new_id()


class KnowsOnlyItsOwnIds(DictStore):
    caught_by = (ROUND,)

    def _insert(self, row: Row) -> bool:
        self.shelf.rows[str(row[0])] = row
        return True

    def _put(self, row: Row) -> None:
        self.shelf.rows[str(row[0])] = row


class TakesEveryIdForANumber(DictStore):
    caught_by = (CHOSEN, ROUND)

    def _put(self, row: Row) -> None:
        self.shelf.last_number = max(self.shelf.last_number, int(str(row[0])))
        super()._put(row)


class CutsLongIds(DictStore):
    caught_by = (CHOSEN,)

    def _checked_id(self, id_: str) -> str:
        return id_[:10]


class MakesARowForAnUnknownId(DictStore):
    caught_by = ("test_an_unknown_id_does_not_make_a_second_row",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        if token.id and self.find_token_by_id(token.id) is None:
            self._add(token)
        return super().save_token(token, expected_version=expected_version)


class LetsAnIdDecideAlone(DictStore):
    caught_by = ("test_an_id_of_another_owner_is_refused",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        if token.id and (stored := self.find_token_by_id(token.id)):
            owner = {"client_id": stored.client_id, "org_id": stored.org_id}
            token = replace(token, user_name=stored.user_name, **owner)  # type: ignore[arg-type]
        return super().save_token(token, expected_version=expected_version)


class TrustsTheCallersVersion(DictStore):
    caught_by = ("test_versions_count_the_saves",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        saved = super().save_token(token, expected_version=expected_version)
        return replace(saved, version=token.version + 1)


class NeverCounts(DictStore):
    caught_by = ("test_versions_count_the_saves", CURRENT)

    def _put(self, row: Row) -> None:
        super()._put(row._replace(version=1))


class IgnoresTheExpectedVersion(DictStore):
    caught_by = (
        CURRENT,
        ANOTHER,
        ZERO,
        BACK,
        "test_a_refused_save_changes_nothing",
        "test_another_handles_save_is_noticed",
        "test_of_threads_that_log_the_same_user_in_one_wins",
    )

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        return super().save_token(token)


class TakesZeroForNoExpectation(DictStore):
    caught_by = (ZERO,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        return super().save_token(token, expected_version=expected_version or None)


class LetsExpectingLose(DictStore):
    caught_by = (CURRENT,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        stored = self.find_token(token)
        if expected_version is not None and (stored.version if stored else 0) != expected_version:
            raise Conflict("changed")
        return super().save_token(replace(token, version=0))


class BringsDeletedRowsBack(DictStore):
    caught_by = (BACK,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        if token.id and self.find_token_by_id(token.id) is None:
            expected_version = None
        return super().save_token(token, expected_version=expected_version)


class TakesTheNextLoginForTheRow(DictStore):
    caught_by = (BACK,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        if token.id and self.find_token_by_id(token.id) is None:
            token = replace(token, id=None)
        return super().save_token(token, expected_version=expected_version)


class RollsNothingBack(DictStore):
    caught_by = ("test_a_refused_save_changes_nothing",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        by_id = self.find_token_by_id(token.id) if token.id else None
        if by_id and token.user_name and not by_id.user_name:
            self._delete(str(by_id.id))
        return super().save_token(token, expected_version=expected_version)


class DeletesTheFirstRow(DictStore):
    caught_by = (ONE,)

    def _delete(self, id_: str) -> bool:
        return id_ in self.shelf.rows and super()._delete(next(iter(self.shelf.rows)))


class HidesDeletedRowsFromListingsOnly(DictStore):
    caught_by = (ONE, ALL)

    def __init__(self, *shared: Any) -> None:
        super().__init__(*shared)
        self._hidden: set[str] = set()

    def _delete(self, id_: str) -> bool:
        self._hidden.add(id_)
        return id_ in self.shelf.rows

    def _delete_all(self) -> None:
        self._hidden |= self.shelf.rows.keys()

    def get_tokens(self, **how: Any) -> list[Token]:
        return [token for token in super().get_tokens(**how) if token.id not in self._hidden]


class DeletesSilently(DictStore):
    caught_by = (UNKNOWN,)

    def delete_token(self, id: str, *, expected_version: int | None = None) -> None:  # noqa: A002 - the method's own name
        try:
            super().delete_token(id, expected_version=expected_version)
        except TokenNotFound:
            return


class DeletesWhateverVersion(DictStore):
    caught_by = (CHANGED,)

    def _delete_if_version(self, id_: str, version: int) -> bool:
        return self._delete(id_)


class RunsIdsAsSql(DictStore):
    caught_by = (UNKNOWN,)

    def _delete(self, id_: str) -> bool:
        if " or " in id_:
            self._delete_all()
            return True
        return super()._delete(id_)


class PadsIds(DictStore):
    caught_by = (UNKNOWN,)

    def _delete(self, id_: str) -> bool:
        return super()._delete(id_.rstrip(" "))


class LeavesARow(DictStore):
    caught_by = (ALL,)

    def _delete_all(self) -> None:
        for id_ in list(self.shelf.rows)[:-1]:
            del self.shelf.rows[id_]


class CannotDeleteAll(DictStore):
    caught_by = (ALL,)

    def delete_tokens(self) -> None:
        self.connection: Any
        self.connection.commit()  # there is none, as in the sample


class ListsAPage(DictStore):
    caught_by = (SHORT,)

    def _rows(self) -> Any:
        return iter(self._all()[:100])


class OverwritesTheFreshestOfAllClients(DictStore):
    caught_by = ("test_nobody_elses_row_is_touched", "test_look_alikes_are_different_people")

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        name = (token.user_name or "").casefold().strip()
        same = [t for t in self.iter_tokens() if (t.user_name or "").casefold().strip() == name]
        if row := freshest(same):
            token = replace(token, id=row.id, user_name=row.user_name, client_id=row.client_id)
            token = replace(token, org_id=row.org_id)
        return super().save_token(token, expected_version=expected_version)


class RefusesTheEleventh(DictStore):
    caught_by = (SHORT,)

    def _insert(self, row: Row) -> bool:
        if len(self._select(Criterion())) > 10:
            raise StoreError("duplicate key")
        return super()._insert(row)


class BeginsEveryRowAtOne(DictStore):
    caught_by = (ANEW, "test_an_old_copy_does_not_touch_what_another_handle_made_anew")

    def _insert(self, row: Row) -> bool:
        return super()._insert(row._replace(version=self._first(row)))

    def _first(self, _: Row) -> int:
        return 1

    def _try_save(self, token: Token, expected_version: int | None) -> Token | None:
        saved = super()._try_save(token, expected_version)
        return saved and self.find_token_by_id(str(saved.id))


class BeginsARowAtTheMinute(BeginsEveryRowAtOne):
    def _first(self, row: Row) -> int:
        return int(self._clock().timestamp()) // 60
