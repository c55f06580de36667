"""Stores with just the six methods, each with a fault that its user would not see at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar

from evergrant.token import Token
from tests.support.stores.six_methods import Faithful

__all__ = ["FaultySix"]

EXPIRY = "test_an_expiry_is_kept_to_the_millisecond_whatever_its_time_zone"
WHOLE = "test_a_saved_token_comes_back_whole"
AGAIN = "test_saving_again_updates_the_row"
EXACTLY = "test_any_text_is_kept_exactly_in_every_field"


class FaultySix(Faithful):
    caught_by: ClassVar[tuple[str, ...]] = ()


class SwallowsItsErrors(FaultySix):
    caught_by = (AGAIN,)

    def save_token(self, token: Token) -> None:
        try:
            self._write(token)
        except OSError:
            return

    def _write(self, token: Token) -> None:
        if self.tokens:
            raise OSError("no space left on device")
        super().save_token(token)


class KeepsTheFirstSave(FaultySix):
    caught_by = (AGAIN,)

    def save_token(self, token: Token) -> None:
        self.tokens.setdefault(str(token.id), token)


class SavesUnderTheNameOnly(FaultySix):
    caught_by = ("test_nobody_elses_row_is_touched",)

    def save_token(self, token: Token) -> None:
        same = [id_ for id_, t in self.tokens.items() if t.user_name == token.user_name]
        for id_ in same:
            del self.tokens[id_]
        super().save_token(token)


class CutsSecretsAt255(FaultySix):
    caught_by = ("test_an_access_token_of_a_thousand_characters_is_no_other",)

    def save_token(self, token: Token) -> None:
        access = str.__str__(token.access_token or "")
        super().save_token(replace(token, access_token=access[:255]))

    def find_token(self, token: Token) -> Token | None:
        access = str.__str__(token.access_token or "")
        return super().find_token(replace(token, access_token=access[:255]))


class KeepsTheLaterExpiry(FaultySix):
    caught_by = ("test_an_access_token_can_be_ended_before_its_time",)

    def save_token(self, token: Token) -> None:
        stored = self.tokens.get(str(token.id))
        if stored and stored.access_token == token.access_token:
            times = (stored.expires_at, token.expires_at)
            token = replace(token, expires_at=max(filter(None, times), default=None))
        super().save_token(token)


class WritesSeconds(FaultySix):
    caught_by = (EXPIRY, WHOLE)

    def save_token(self, token: Token) -> None:
        moment = token.expires_at and datetime.fromtimestamp(
            token.expires_at.timestamp() / 1000, UTC
        )
        super().save_token(replace(token, expires_at=moment))


class ForgetsTheTimeZone(FaultySix):
    caught_by = (EXPIRY,)

    def save_token(self, token: Token) -> None:
        local = token.expires_at and token.expires_at.astimezone(timezone(timedelta(hours=5.5)))
        super().save_token(replace(token, expires_at=local and local.replace(tzinfo=UTC)))


class FindsTheFirst(FaultySix):
    caught_by = ("test_a_question_that_names_nobody_finds_nobody",)

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(token) or next(iter(self.tokens.values()), None)


class RunsSql(FaultySix):
    caught_by = ("test_any_text_finds_its_own_token_by_every_criterion",)

    def find_token(self, token: Token) -> Token | None:
        if "' or '1'='1" in (token.user_name or ""):
            return next(iter(self.tokens.values()), None)
        return super().find_token(token)


class IgnoresClients(FaultySix):
    caught_by = ("test_a_client_that_is_given_must_match",)

    def find_token(self, token: Token) -> Token | None:
        return super().find_token(replace(token, client_id=None) if token.user_name else token)


class IgnoresCase(FaultySix):
    caught_by = ("test_look_alikes_are_different_people",)

    def find_token(self, token: Token) -> Token | None:
        same = (
            t
            for t in self.tokens.values()
            if token.user_name and (t.user_name or "").lower() == token.user_name.lower()
        )
        return next(same, None) or super().find_token(token)


class FindsTheWrongId(FaultySix):
    caught_by = ("test_finds_by_id",)

    def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - the method's own name
        return self.tokens.get(id) and next(iter(self.tokens.values()))


class FindsAnIdThatWasNeverGiven(FaultySix):
    caught_by = ("test_an_id_is_text_and_matches_exactly",)

    def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - the method's own name
        return super().find_token_by_id(id.strip())


class AnswersFromACache(FaultySix):
    caught_by = ("test_a_found_token_is_the_one_last_saved",)

    def __init__(self) -> None:
        super().__init__()
        self._cache: dict[str, Token] = {}

    def find_token(self, token: Token) -> Token | None:
        name = token.user_name or ""
        if name not in self._cache and (found := super().find_token(token)):
            self._cache[name] = found
        return self._cache.get(name)


class ListsNothingWhenItFails(FaultySix):
    caught_by = ("test_any_text_is_kept_exactly_in_every_field",)

    def get_tokens(self) -> list[Token]:
        odd = any("\U0001f511" in (token.user_name or "") for token in self.tokens.values())
        return [] if odd else super().get_tokens()


class ListsAPage(FaultySix):
    caught_by = ("test_ids_are_short_numbers_and_never_the_same",)

    def get_tokens(self) -> list[Token]:
        return super().get_tokens()[:100]


class DeletesNothing(FaultySix):
    caught_by = ("test_deletes_one_row_and_no_other",)

    def delete_token(self, id: str) -> None:  # noqa: A002 - the method's own name
        self.tokens.pop(f"row {id}", None)


class DeletesEverything(FaultySix):
    caught_by = ("test_deletes_one_row_and_no_other",)

    def delete_token(self, id: str) -> None:  # noqa: A002 - the method's own name
        self.tokens.clear()


class LeavesOne(FaultySix):
    caught_by = ("test_deletes_all",)

    def delete_tokens(self) -> None:
        for id_ in list(self.tokens)[:-1]:
            del self.tokens[id_]


class RefreshesTheExpiryWhenItReads(FaultySix):
    caught_by = (WHOLE,)

    def get_tokens(self) -> list[Token]:
        later = timedelta(hours=1)
        return [
            replace(t, expires_at=t.expires_at and t.expires_at + later)
            for t in super().get_tokens()
        ]
