"""Stores that do not know what was deleted, or take everything for it that is not there."""

from __future__ import annotations

from evergrant.clock import to_epoch_ms
from evergrant.stores.deletions import ALL
from evergrant.token import Token
from tests.contract.seeded_bugs.dict_store import DictStore

__all__: list[str] = []

ITS_GRANT = "test_a_deletion_is_known_of_its_grant_only"
NEVER_THERE = "test_what_was_never_there_was_not_deleted"
EMPTIED = "test_deleting_all_is_known_of_each_grant"
CLOCKS = "test_deleting_all_is_known_whatever_hosts_take_for_the_time"
HANDLES = "test_another_handle_knows_of_a_deletion"


class NotesNoDeletion(DictStore):
    caught_by = (ITS_GRANT, EMPTIED, CLOCKS, HANDLES)

    def was_deleted(self, token: Token) -> bool:
        return False


class TakesAbsenceForADeletion(DictStore):
    caught_by = (ITS_GRANT, NEVER_THERE)

    def was_deleted(self, token: Token) -> bool:
        return self.find_token_by_id(token.id or "") is None


class NotesWhatItDeletesInMemory(DictStore):
    caught_by = (HANDLES,)

    def __init__(self, *shelf: object) -> None:
        super().__init__(*shelf)  # type: ignore[arg-type]
        self._own: dict[str, str] = {}

    def _get_note(self, key: str) -> str:
        return self._own.get(key, "") if key.startswith("deleted:") else super()._get_note(key)

    def _set_note(self, key: str, text: str, until: int) -> None:
        if key.startswith("deleted:"):
            self._own[key] = text
        else:
            super()._set_note(key, text, until)


class GoesByItsClockWhereAllIsDeleted(DictStore):
    caught_by = (CLOCKS,)

    def _delete_all_and_note(self) -> None:
        self._note_deletion(ALL, str(to_epoch_ms(self._clock())))
        self._delete_all()


class TakesAnyDeletionForItsOwn(DictStore):
    caught_by = (ITS_GRANT,)

    def was_deleted(self, token: Token) -> bool:
        return any(key.startswith("deleted:") for key in self.shelf.notes)
