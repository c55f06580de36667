"""What the official SDK's stores and Zoho's sample do wrong, and no other room has."""

from __future__ import annotations

import time
from dataclasses import replace

from evergrant.errors import StoreError, StoreUnavailable
from evergrant.stores.rows import Row
from evergrant.token import Token
from tests.contract.seeded_bugs.dict_store import DictStore

__all__: list[str] = []


class BreaksOffAtTheNextQuote(DictStore):
    """``where user_name='o'brien'``: an error in the middle of a look-up."""

    caught_by = ("test_any_text_finds_its_own_token_by_every_criterion",)

    def find_token(self, token: Token) -> Token | None:
        if "'" in (token.user_name or ""):
            raise StoreUnavailable("syntax error")
        return super().find_token(token)


class AnswersAnErrorToAnEmptyQuestion(DictStore):
    """``select * from oauthtoken limit 1`` without a criterion, made an error by version 8.0."""

    caught_by = ("test_a_question_that_names_nobody_finds_nobody",)

    def find_token(self, token: Token) -> Token | None:
        if not (token.user_name or token.access_token or token.client_id):
            raise StoreError("no criterion")
        return super().find_token(token)


class FillsTheTokenOfOneClientFromAnothers(DictStore):
    caught_by = ("test_nobody_elses_row_is_touched",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        for row in self.iter_tokens():
            if row.user_name and row.user_name == token.user_name:
                mixed = replace(row, access_token=token.access_token)
                super().save_token(mixed, expected_version=row.version)
        return super().save_token(token, expected_version=expected_version)


class DeletesNumbersOnly(DictStore):
    caught_by = ("test_deleting_an_unknown_id_is_an_error",)

    def _delete(self, id_: str) -> bool:
        return super()._delete(str(int(id_)))


class LeavesTheRowWhenItDeletes(DictStore):
    """As after a ``revoke`` by id."""

    caught_by = ("test_deletes_one_row_and_no_other", "test_a_deleted_row_does_not_come_back")

    def _delete(self, id_: str) -> bool:
        return id_ in self.shelf.rows


class CannotBeOpenedTwiceWhileItIsEmpty(DictStore):
    caught_by = ("test_ids_are_not_used_again_by_another_handle",)

    def another(self) -> DictStore:
        if not self.shelf.rows:
            raise StoreUnavailable("table oauthtoken already exists")
        return super().another()


class CannotSaveWhatHasOnlyAnId(DictStore):
    caught_by = ("test_a_nameless_grant_joins_the_row_its_owner_has",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        if not token.user_name and (token.client_id or not token.access_token):
            raise StoreError('near "limit": syntax error')
        return super().save_token(token, expected_version=expected_version)


class ReadsColumnsByAnotherOrder(DictStore):
    caught_by = ("test_a_saved_token_comes_back_whole",)

    def _put(self, row: Row) -> None:
        super()._put(row._replace(refresh_token=row.access_token, access_token=row.refresh_token))


class ComputesTheExpiryFromNow(DictStore):
    """What ``expires_in`` means to OAuth, and not to Zoho's SDKs."""

    caught_by = ("test_an_expiry_is_kept_to_the_millisecond_whatever_its_time_zone",)

    def find_token(self, token: Token) -> Token | None:
        found = super().find_token(token)
        if found is None or found.expires_at is None:
            return found
        left = found.expires_at - self._clock()
        time.sleep(0.002)  # a read takes its time, and an expiry is kept to the millisecond
        return replace(found, expires_at=self._clock() + left)


class AnswersNothingWhenItFails(DictStore):
    """An error turned into "no token": the user is asked to log in again."""

    caught_by = ("test_a_reader_beside_a_writer_always_sees_a_whole_token",)

    def find_token(self, token: Token) -> Token | None:
        try:
            return self._find_unless_busy(token)
        except StoreUnavailable:
            return None

    def _find_unless_busy(self, token: Token) -> Token | None:
        if not self.shelf.lock.acquire(blocking=False):
            raise StoreUnavailable("database is locked")
        try:
            return super().find_token(token)
        finally:
            self.shelf.lock.release()

    def _put(self, row: Row) -> None:
        super()._put(row)
        time.sleep(0.002)  # other threads get their turn
