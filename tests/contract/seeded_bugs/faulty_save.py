"""Stores that save a token to the wrong row, twice, or not as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from evergrant.clock import to_epoch_ms
from evergrant.errors import Conflict, StoreError
from evergrant.stores import matching
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import COLUMNS, Row
from evergrant.token import Token
from tests.contract.seeded_bugs.dict_store import DictStore

__all__: list[str] = []

CERTAIN = "test_where_it_is_not_certain_whose_row_it_is_nothing_is_saved"


def changed(row: Row, **columns: Any) -> Row:
    """Return a row with some columns changed."""
    return row._replace(**columns)


class ForgetsAColumn(DictStore):
    caught_by = ("test_a_saved_token_comes_back_whole",)
    column: ClassVar[str] = "last_used_at"

    def _put(self, row: Row) -> None:
        super()._put(changed(row, **{self.column: None}))


class ForgetsTheOrg(ForgetsAColumn):
    column = "org_id"


class ForgetsTheScopes(ForgetsAColumn):
    column = "scopes"


class ForgetsTheRedirectUrl(ForgetsAColumn):
    column = "redirect_url"


class ReturnsWhatItWasGiven(DictStore):
    caught_by = (
        "test_a_saved_token_comes_back_whole",
        "test_a_token_with_next_to_nothing_comes_back_as_it_was",
    )

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        super().save_token(token, expected_version=expected_version)
        return token


class KeepsTheTimeOfTheFirstSaveOnly(DictStore):
    caught_by = ("test_the_store_notes_when_a_row_was_made_and_changed",)

    def _update(self, row: Row, version: int) -> bool:
        return super()._update(changed(row, created_at=row[COLUMNS.index("updated_at")]), version)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        saved = super().save_token(token, expected_version=expected_version)
        return self.find_token_by_id(str(saved.id)) or saved


class KeepsWholeSecondsOnly(DictStore):
    caught_by = ("test_an_expiry_is_kept_to_the_millisecond_whatever_its_time_zone",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        at = token.expires_at and self.kept(token.expires_at)
        return super().save_token(replace(token, expires_at=at), expected_version=expected_version)

    @staticmethod
    def kept(moment: datetime) -> datetime | None:
        return moment.replace(microsecond=0)


class ReadsLocalTimeAsUtc(KeepsWholeSecondsOnly):
    @staticmethod
    def kept(moment: datetime) -> datetime | None:
        return moment.replace(tzinfo=UTC)


class WritesSecondsForMilliseconds(KeepsWholeSecondsOnly):
    @staticmethod
    def kept(moment: datetime) -> datetime | None:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment.timestamp())


class TakesTheEpochForNothing(KeepsWholeSecondsOnly):
    @staticmethod
    def kept(moment: datetime) -> datetime | None:
        return moment if to_epoch_ms(moment) else None


class ReturnsMicrosecondsItDidNotKeep(DictStore):
    caught_by = ("test_an_expiry_is_kept_to_the_millisecond_whatever_its_time_zone",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        saved = super().save_token(token, expected_version=expected_version)
        return replace(saved, expires_at=token.expires_at)


class AlwaysInserts(DictStore):
    caught_by = ("test_saving_again_updates_the_row", "test_the_same_grant_is_saved_once")

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        row = self._add(token)
        return self.find_token_by_id(str(row and row[0])) or token


class KnowsOnlyNamedRows(DictStore):
    caught_by = (
        "test_the_same_grant_is_saved_once",
        "test_a_refreshed_nameless_grant_is_the_same_grant",
        "test_a_grant_is_the_same_before_and_after_its_owner_is_known",
        "test_a_nameless_grant_joins_the_row_its_owner_has",
    )

    def _lookup(self, criterion: Criterion) -> list[Token]:
        return [token for token in super()._lookup(criterion) if token.user_name]


class KnowsTheClientFromTheStart(DictStore):
    caught_by = ("test_a_token_is_the_same_before_and_after_its_client_is_known",)

    def _try_save(self, token: Token, expected_version: int | None) -> Token | None:
        stored = self.find_token(token)
        if token.client_id and stored is None:
            written = self._add(replace(token, id=None))
            return self.find_token_by_id(str(written and written[0]))
        return super()._try_save(token, expected_version)


class LeavesTheDouble(DictStore):
    caught_by = ("test_a_nameless_grant_joins_the_row_its_owner_has",)

    def _try_save(self, token: Token, expected_version: int | None) -> Token | None:
        before = dict(self.shelf.rows)
        saved = super()._try_save(token, expected_version)
        self.shelf.rows = before | self.shelf.rows
        return saved


class DropsTheGrantThatJoins(DictStore):
    caught_by = ("test_a_nameless_grant_joins_the_row_its_owner_has",)

    def _try_save(self, token: Token, expected_version: int | None) -> Token | None:
        by_id = self.find_token_by_id(str(token.id))
        if by_id and token.user_name and not by_id.user_name:
            self._delete(str(token.id))
            token = replace(token, id=None)
        return super()._try_save(token, expected_version)


class MatchesByUserNameOnly(DictStore):
    caught_by = (
        "test_nobody_elses_row_is_touched",
        "test_two_clients_of_one_user_never_mix",
        "test_look_alikes_are_different_clients_orgs_and_grants",
    )

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        named = Token(user_name=token.user_name)
        if stored := self.find_token(named) if token.user_name else None:
            token = replace(token, id=stored.id, client_id=stored.client_id, org_id=stored.org_id)
        return super().save_token(token, expected_version=expected_version)


class TakesSharedTokensForTheSameUser(DictStore):
    caught_by = ("test_nobody_elses_row_is_touched",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        for stored in self.iter_tokens():
            if stored.refresh_token == token.refresh_token and token.user_name != stored.user_name:
                token = replace(token, id=stored.id, user_name=stored.user_name)
        return super().save_token(token, expected_version=expected_version)


class GuessesWhoseRowItIs(DictStore):
    caught_by = (CERTAIN,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        try:
            return super().save_token(token, expected_version=expected_version)
        except Conflict:
            guess = matching.freshest(self._lookup(Criterion(user_name=str(token.user_name))))
            return super().save_token(replace(token, id=guess.id if guess else None))


class SavesNothingAsSomething(DictStore):
    caught_by = ("test_a_token_with_nothing_to_keep_is_refused",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        if not (token.access_token or token.refresh_token or token.grant_token):
            token = replace(token, access_token="none")
        return super().save_token(token, expected_version=expected_version)


class SwallowsAFailedSave(DictStore):
    caught_by = (
        "test_a_token_with_nothing_to_keep_is_refused",
        "test_an_id_of_another_owner_is_refused",
        "test_a_save_that_expects_another_version_is_refused",
        CERTAIN,
    )

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        try:
            return super().save_token(token, expected_version=expected_version)
        except StoreError:
            return token


class StoresEmptyText(DictStore):
    caught_by = ("test_a_token_with_next_to_nothing_comes_back_as_it_was",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        saved = super().save_token(token, expected_version=expected_version)
        return replace(saved, user_name=saved.user_name or "")


class KeepsTheBareAddressBesideTheFullName(DictStore):
    caught_by = ("test_a_grant_is_the_same_before_and_after_its_org_is_known",)

    def _select(self, criterion: Criterion) -> list[Row]:
        rows, at = super()._select(criterion), COLUMNS.index("user_name")
        by_grant = criterion.keys() & {"refresh_token", "grant_token", "access_token"}
        return [row for row in rows if not (by_grant and "@" in str(row[at]))]
