"""Stores that find what they should not, or do not find what they should."""

from __future__ import annotations

from dataclasses import fields, replace
from fnmatch import fnmatchcase
from typing import Any

from evergrant.stores import matching
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import COLUMNS, Row
from evergrant.token import Token
from tests.contract.seeded_bugs.dict_store import CredulousDict, DictStore

__all__: list[str] = []


class IgnoresTheClient(DictStore):
    caught_by = ("test_a_client_that_is_given_must_match", "test_two_clients_of_one_user_never_mix")

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(replace(token, client_id=None) if token.user_name else token)


class IgnoresTheOrg(DictStore):
    caught_by = ("test_an_org_that_is_given_must_match", "test_one_person_in_two_orgs_stays_two")

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(replace(token, org_id=None))


class AnswersTheFirstRowToAnEmptyQuestion(DictStore):
    caught_by = (
        "test_a_question_that_names_nobody_finds_nobody",
        "test_grant_and_refresh_token_need_client_and_secret",
        "test_an_access_token_with_a_client_finds_nobody",
    )

    def find_token(self, token: Token) -> Token | None:
        if matching.criterion_for(token) is None:
            return next(self.iter_tokens(), None)
        return super().find_token(token)


class FindsNamelessRowsByAnEmptyName(DictStore):
    caught_by = ("test_a_question_that_names_nobody_finds_nobody",)

    def find_users(self, name: str) -> list[Token]:
        return [t for t in self.iter_tokens() if f"{t.user_name or ''}:".startswith(f"{name}:")]


class InventsAToken(DictStore):
    caught_by = ("test_an_empty_store_finds_nobody",)

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(token) or token


class FallsBackFromTheName(DictStore):
    caught_by = ("test_a_user_without_a_token_is_not_found_by_anything_else",)

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(token) or super().find_token(replace(token, user_name=None))


class LooksAtTheAccessTokenFirst(DictStore):
    caught_by = ("test_the_user_name_decides_before_all_else",)

    def find_token(self, token: Token) -> Token | None:
        by_access = super().find_token(Token(access_token=token.access_token))
        return by_access or super().find_token(token)


class NeverLooksAtTheAccessToken(DictStore):
    caught_by = ("test_finds_by_access_token_without_a_client",)

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(replace(token, access_token=None))


class IgnoresTheClientBesideAnAccessToken(DictStore):
    caught_by = ("test_an_access_token_with_a_client_finds_nobody",)

    def find_token(self, token: Token) -> Token | None:
        alone = Token(access_token=token.access_token)
        return super().find_token(token if token.user_name or not token.access_token else alone)


class NeverLooksAtTheName(DictStore):
    caught_by = ("test_finds_by_user_name",)

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(replace(token, user_name=None))


class NeverLooksAtTheGrantToken(DictStore):
    caught_by = ("test_finds_by_grant_token_with_the_client",)

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(replace(token, grant_token=None))


class NeverLooksAtTheRefreshToken(DictStore):
    caught_by = ("test_finds_by_refresh_token_with_the_client",)

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(replace(token, refresh_token=None))


class LooksAtTheRefreshTokenFirst(DictStore):
    caught_by = ("test_the_grant_token_decides_before_the_refresh_token",)

    def find_token(self, token: Token) -> Token | None:
        grant_token = None if token.refresh_token else token.grant_token
        return super().find_token(replace(token, grant_token=grant_token))


class NeedsNoClient(DictStore):
    caught_by = ("test_grant_and_refresh_token_need_client_and_secret",)

    def find_token(self, token: Token) -> Token | None:
        for column in ("refresh_token", "grant_token"):
            value = getattr(token, column)
            if value and not token.user_name:
                rows = self._lookup(Criterion({column: value.reveal()}))
                return rows[0] if rows else None
        return super().find_token(token)


class FindsTheOldest(DictStore):
    caught_by = ("test_of_several_that_fit_the_freshest_is_found_whole",)

    def find_token(self, token: Token) -> Token | None:
        fitting = (t for t in self.iter_tokens() if t.user_name == token.user_name)
        return min(fitting, key=lambda t: str(t.expires_at), default=None)


class FillsGapsFromOtherRows(DictStore):
    caught_by = ("test_two_clients_of_one_user_never_mix",)

    def find_token(self, token: Token) -> Token | None:
        mixed = token
        for row in self.iter_tokens():
            if row.user_name == token.user_name:
                given = {f.name: getattr(mixed, f.name) for f in fields(Token)}
                mixed = replace(row, **{name: value for name, value in given.items() if value})
        return None if mixed is token else mixed


class RaisesForAnUnknownId(DictStore):
    caught_by = ("test_finds_by_id", "test_an_empty_store_finds_nobody")

    def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - the method's own name
        found = super().find_token_by_id(id)
        if found is None:
            raise LookupError(id)
        return found


class FindsAnothersRowById(DictStore):
    caught_by = ("test_finds_by_id",)

    def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - the method's own name
        return super().find_token_by_id(id) and next(self.iter_tokens())


class ComparesIdsAsNumbers(CredulousDict):
    caught_by = ("test_an_id_is_text_and_matches_exactly",)

    def _fits(self, row: Row, column: str, value: str) -> bool:
        try:
            return super()._fits(row, column, value) or (
                column == "id" and float(str(row[0])) == float(value)
            )
        except ValueError:
            return False


class ReadsWildcardsInNames(CredulousDict):
    caught_by = ("test_finds_a_person_by_the_bare_address",)

    def _select_by_user(self, name: str) -> list[Row]:
        pattern = name.replace("%", "*").replace("_", "?")
        return [row for row in self._all() if fnmatchcase(f"{row[1] or ''}:", f"{pattern}:*")]


class FindsPeopleByAnyBeginning(CredulousDict):
    caught_by = ("test_finds_a_person_by_the_bare_address",)

    def _select_by_user(self, name: str) -> list[Row]:
        return [row for row in self._all() if str(row[1]).startswith(name)]


class FindsOnlyFullNames(DictStore):
    caught_by = ("test_finds_a_person_by_the_bare_address",)

    def _select_by_user(self, name: str) -> list[Row]:
        return [row for row in self._all() if row[1] == name]


class AnswersFromACache(DictStore):
    caught_by = ("test_a_found_token_is_the_one_last_saved",)

    def __init__(self, *shared: Any) -> None:
        super().__init__(*shared)
        self._found: dict[str, Token] = {}

    def find_token(self, token: Token) -> Token | None:
        name = token.user_name or ""
        if name not in self._found and (found := super().find_token(token)):
            self._found[name] = found
        return self._found.get(name)


class ComparesAddressesByCase(DictStore):
    caught_by = ("test_an_address_is_one_user_in_any_case",)

    def _select(self, criterion: Criterion) -> list[Row]:
        at, name = COLUMNS.index("user_name"), criterion.get("user_name")
        return [row for row in super()._select(criterion) if name in (None, row[at])]


class FindsAPersonInOneCaseOnly(DictStore):
    caught_by = ("test_an_address_is_one_user_in_any_case",)

    def find_users(self, name: str) -> list[Token]:
        return [t for t in super().find_users(name) if (t.user_name or "").startswith(name)]


class TakesAnyNameForTheSameInAnyCase(DictStore):
    caught_by = ("test_only_an_address_is_the_same_in_any_case",)

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(replace(token, user_name=(token.user_name or "").casefold()))

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        small = replace(token, user_name=(token.user_name or "").casefold() or None)
        return super().save_token(small, expected_version=expected_version)
