"""Stores in which the wrong one of two tokens wins, or half of each."""

from __future__ import annotations

from dataclasses import fields, replace

from evergrant.stores.rows import encode
from evergrant.token import Token
from tests.contract.seeded_bugs.dict_store import DictStore, Shelf

__all__: list[str] = []

STALE = "test_a_stale_token_does_not_replace_a_fresher_one"
WHOLE = "test_a_fresher_token_replaces_the_stored_one_as_a_whole"
EDIT = "test_editing_the_row_just_read_wins"
LEFT_OUT = "test_what_a_save_leaves_out_is_kept_and_what_it_gives_is_taken"
REFRESH = "test_a_refresh_without_a_refresh_token_keeps_the_stored_one"
ENDED = "test_an_access_token_can_be_ended_before_its_time"
PARTIAL = "test_a_partial_save_of_the_same_access_token_loses_nothing"


class Changes(DictStore):
    """Changes what is to be saved, knowing what is stored, and saves exactly that."""

    def changed(self, stored: Token, token: Token) -> Token:
        raise NotImplementedError

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        stored = self.find_token(token)
        if stored is None or expected_version is not None:
            return super().save_token(token, expected_version=expected_version)
        token = replace(self.changed(stored, token), id=stored.id)
        return super().save_token(token, expected_version=stored.version)


def filled(token: Token, other: Token) -> Token:
    """Return the first token with its gaps filled from the second."""
    given = {f.name: getattr(token, f.name) or getattr(other, f.name) for f in fields(Token)}
    return Token(**given)


class LastWriterWins(Changes):
    caught_by = (
        STALE,
        "test_a_writer_that_read_an_older_version_is_stale_too",
    )

    def changed(self, stored: Token, token: Token) -> Token:
        return filled(token, stored)


class FirstWriterWins(Changes):
    caught_by = (WHOLE, EDIT)

    def changed(self, stored: Token, token: Token) -> Token:
        return filled(stored, token)


class MergesFieldByField(Changes):
    caught_by = (WHOLE, "test_a_new_refresh_token_replaces_the_grant")

    def changed(self, stored: Token, token: Token) -> Token:
        fresh = max(stored, token, key=lambda t: str(t.expires_at))
        grant = {"api_domain": stored.api_domain, "grant_token": stored.grant_token}
        return replace(filled(fresh, stored), **grant)  # type: ignore[arg-type]


class TakesTheStaleRefreshToken(DictStore):
    caught_by = (STALE,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        saved = super().save_token(token, expected_version=expected_version)
        if not token.refresh_token or token.refresh_token == saved.refresh_token:
            return saved
        mixed = replace(saved, refresh_token=token.refresh_token)
        return super().save_token(mixed, expected_version=saved.version)


class TakesAnyReadingForTheLast(DictStore):
    caught_by = ("test_a_writer_that_read_an_older_version_is_stale_too",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        stored = self.find_token_by_id(token.id) if token.id else None
        if stored and token.version > 0:
            # The moment too: two saves may, or may not, fall into one millisecond.
            token = replace(token, version=stored.version, updated_at=stored.updated_at)
        return super().save_token(token, expected_version=expected_version)


class DoesNotKnowWhoRead(DictStore):
    caught_by = (EDIT,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        return super().save_token(replace(token, version=0), expected_version=expected_version)


class KeepsTheLaterExpiry(DictStore):
    caught_by = (ENDED,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        stored = self.find_token_by_id(token.id) if token.id else None
        if stored and stored.access_token == token.access_token:
            times = (stored.expires_at, token.expires_at)
            token = replace(token, expires_at=max(filter(None, times), default=None))
        return super().save_token(token, expected_version=expected_version)


class RemembersWhatItHasFound(DictStore):
    caught_by = (ENDED,)

    def __init__(self, shelf: Shelf | None = None) -> None:
        super().__init__(shelf)
        self._found: dict[str, Token] = {}

    def find_token(self, token: Token) -> Token | None:
        found = super().find_token(token)
        return found and self._found.setdefault(str.__str__(found.access_token or ""), found)


class LosesTheRefreshToken(Changes):
    caught_by = (REFRESH, PARTIAL)

    def changed(self, stored: Token, token: Token) -> Token:
        return replace(filled(token, stored), refresh_token=token.refresh_token)


class TurnsDownTheOnlyRefreshToken(DictStore):
    caught_by = ("test_the_only_refresh_token_is_never_turned_down",)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        stored = self.find_token(token)
        if stored and str(token.expires_at) < str(stored.expires_at):
            return stored
        return super().save_token(token, expected_version=expected_version)


class ForgetsTheExpiry(Changes):
    caught_by = (PARTIAL,)

    def changed(self, stored: Token, token: Token) -> Token:
        return replace(filled(token, stored), expires_at=token.expires_at)


class ForgetsWhatIsLeftOut(DictStore):
    caught_by = (LEFT_OUT,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        saved = super().save_token(token, expected_version=expected_version)
        bare = replace(saved, redirect_url=token.redirect_url)
        self._put(encode(bare))
        return bare


class NeverRotatesTheSecret(Changes):
    caught_by = (LEFT_OUT,)

    def changed(self, stored: Token, token: Token) -> Token:
        return replace(filled(token, stored), client_secret=stored.client_secret)
