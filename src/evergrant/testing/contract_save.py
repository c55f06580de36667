"""Saving: which row a save belongs to, and what the row holds afterwards."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from evergrant.errors import Conflict, StoreError
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import (
    ALICE,
    BOB,
    NOON,
    grant,
    of_client,
    refreshed,
    stored_contents,
)
from evergrant.token import Token

__all__ = ["SaveContract"]


class SaveContract:
    """Saving: no duplicates, no other user's row, nothing lost, nothing mixed."""

    def test_a_saved_token_comes_back_whole(self, store: TokenStore) -> None:
        """All sixteen fields are equal to what save returned."""
        whole = replace(ALICE, id="7", created_at=NOON, last_used_at=NOON + timedelta(minutes=1))
        saved = store.save_token(whole)
        assert all(getattr(saved, field.name) for field in fields(Token))
        assert replace(saved, updated_at=None, version=0) == whole
        assert store.find_token(ALICE) == saved
        assert store.find_token_by_id("7") == saved
        assert store.get_tokens() == [saved]

    def test_a_token_with_next_to_nothing_comes_back_as_it_was(self, store: TokenStore) -> None:
        """Missing values stay missing; an empty text counts as missing."""
        saved = store.save_token(Token(access_token="a", refresh_token="", user_name="", scopes=()))
        found = store.find_token(Token(access_token="a"))
        assert found == saved
        assert (saved.refresh_token, saved.user_name, saved.expires_at) == (None, None, None)
        assert saved.scopes == ()

    def test_an_expiry_is_kept_to_the_millisecond_whatever_its_time_zone(
        self, store: TokenStore
    ) -> None:
        """Not rounded to seconds, not in local time. Less than a millisecond may be dropped."""
        india = timezone(timedelta(hours=5, minutes=30))
        for moment in (
            datetime(2030, 1, 1, 12, 0, 0, 123_000, tzinfo=UTC),
            datetime(2030, 7, 1, 3, 4, 5, 999_000, tzinfo=india),
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1999, 12, 31, 23, 59, 59, 1_000, tzinfo=timezone(timedelta(hours=-11))),
            datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        ):
            saved = store.save_token(
                replace(ALICE, expires_at=moment, user_name=moment.isoformat())
            )
            found = store.find_token(Token(user_name=moment.isoformat()))
            assert found == saved
            assert saved.expires_at == moment
            assert saved.expires_at.tzinfo is not None
        odd = store.save_token(replace(BOB, expires_at=NOON + timedelta(microseconds=123_456)))
        assert odd == store.find_token(BOB)
        assert odd.expires_at == NOON + timedelta(milliseconds=123)

    def test_the_store_notes_when_a_row_was_made_and_changed(self, store: TokenStore) -> None:
        """The creation time does not change; both are aware."""
        saved = store.save_token(ALICE)
        assert saved.created_at is not None
        assert saved.updated_at is not None
        assert saved.created_at.tzinfo is not None
        assert saved.updated_at.tzinfo is not None
        store.save_token(replace(BOB, created_at=NOON))
        again = store.save_token(refreshed(BOB))
        assert again.created_at == NOON
        assert again.updated_at is not None

    def test_saving_again_updates_the_row(self, store: TokenStore) -> None:
        """The same user and client is the same row, whatever else changed."""
        first = store.save_token(ALICE)
        again = store.save_token(ALICE)
        new = store.save_token(refreshed(ALICE, grant_token="another", redirect_url="another"))
        relogin = store.save_token(refreshed(ALICE, 2, refresh_token="another"))
        assert first.id == again.id == new.id == relogin.id
        assert store.get_tokens() == [relogin]

    def test_the_same_grant_is_saved_once(self, store: TokenStore) -> None:
        """Without a user name, each of its tokens identifies it."""
        for partial in (
            Token(access_token="only an access token"),
            Token(refresh_token="only a refresh token"),
            Token(grant_token="only a grant token"),
            of_client(refresh_token="a refresh token and its client"),
            of_client(grant_token="a grant token and its client"),
            of_client(access_token="an access token and its client"),
            Token(client_secret="s", refresh_token="a refresh token and a secret"),
        ):
            first, again = store.save_token(partial), store.save_token(partial)
            assert first.id == again.id, partial
        assert len(stored_contents(store)) == 7

    def test_a_refreshed_nameless_grant_is_the_same_grant(self, store: TokenStore) -> None:
        """The refresh token identifies it, although the access token is new."""
        first = store.save_token(of_client(refresh_token="r", access_token="a1", expires_at=NOON))
        later = NOON + timedelta(hours=1)
        again = store.save_token(of_client(refresh_token="r", access_token="a2", expires_at=later))
        assert store.get_tokens() == [again]
        assert (again.id, again.access_token) == (first.id, "a2")

    def test_a_grant_is_the_same_before_and_after_its_owner_is_known(
        self, store: TokenStore
    ) -> None:
        """If it was saved without a name first: its only row is used."""
        nameless = store.save_token(replace(ALICE, user_name=None))
        named = store.save_token(ALICE)
        assert store.get_tokens() == [named]
        assert named.id == nameless.id
        assert named.user_name == ALICE.user_name

    def test_a_grant_is_the_same_before_and_after_its_org_is_known(self, store: TokenStore) -> None:
        """A row with the bare address gets the full name; rows of another grant or client stay."""
        address = str(ALICE.user_name).partition(":")[0]
        bare = replace(ALICE, user_name=address.title(), org_id=None)
        old = store.save_token(bare)
        named = store.save_token(refreshed(ALICE))
        assert store.get_tokens() == [named]
        assert (named.id, named.user_name) == (old.id, ALICE.user_name)
        store.delete_tokens()
        for other in ({"client_id": "1000.OTHER"}, {"refresh_token": "r", "grant_token": "g"}):
            store.save_token(replace(bare, access_token="other", **other))  # type: ignore[arg-type]
        store.save_token(ALICE)
        assert len(stored_contents(store)) == 3

    def test_a_token_is_the_same_before_and_after_its_client_is_known(
        self, store: TokenStore
    ) -> None:
        """In either order, with a user name and without."""
        for who in ("alice", "bob"):
            whole = grant(who)
            bare = replace(whole, client_id=None, client_secret=None)
            for token in (bare, whole, bare):
                saved = store.save_token(token)
            assert saved.client_id == whole.client_id
        assert len(stored_contents(store)) == 2
        for token in (Token(refresh_token="r"), of_client(refresh_token="r")):
            store.save_token(token)
        assert len(stored_contents(store)) == 3

    def test_a_nameless_grant_joins_the_row_its_owner_has(self, store: TokenStore) -> None:
        """By id or by its tokens. The newer grant stays, whole, and no duplicate is left."""
        for who, keep_id in (("alice", True), ("bob", False)):
            old = grant(who)
            row = store.save_token(old)
            login = refreshed(old, refresh_token=f"second-{who}", grant_token=None, user_name=None)
            nameless = store.save_token(login)
            assert nameless.id != row.id
            now_known = Token(
                id=nameless.id if keep_id else None,
                user_name=old.user_name,
                client_id=old.client_id,
                access_token=login.access_token,
                refresh_token=None if keep_id else login.refresh_token,
            )
            joined = store.save_token(now_known)
            assert joined.id == row.id
            assert joined.refresh_token == login.refresh_token
            assert joined.expires_at == login.expires_at
            assert store.find_token_by_id(str(nameless.id)) is None
        assert len(stored_contents(store)) == 2

    def test_nobody_elses_row_is_touched(self, store: TokenStore) -> None:
        """Not the row of another user, client or org, even if they share tokens."""
        mine = store.save_token(ALICE)
        for other in (
            BOB,
            grant(client="1000.OTHER"),
            replace(ALICE, org_id="60002"),
            replace(ALICE, user_name="carol"),
            replace(ALICE, user_name="dave", client_id="1000.OTHER"),
            replace(ALICE, client_id="1000.THIRD"),
        ):
            before = stored_contents(store)
            saved = store.save_token(other)
            store.save_token(refreshed(other))
            after = stored_contents(store)
            assert saved.id not in before
            assert {id_: token for id_, token in after.items() if id_ in before} == before
        assert store.find_token_by_id(str(mine.id)) == mine

    def test_where_it_is_not_certain_whose_row_it_is_nothing_is_saved(
        self, store: TokenStore
    ) -> None:
        """A user with tokens of two clients, or two orgs, and a save that names neither."""
        store.save_token(grant(client="1000.ONE"))
        store.save_token(grant(client="1000.TWO"))
        store.save_token(grant("bob", org_id="60001"))
        store.save_token(grant("bob", org_id="60002"))
        before = stored_contents(store)
        for token in (
            refreshed(ALICE, client_id=None, refresh_token="r"),
            refreshed(BOB, org_id=None, refresh_token="r"),
        ):
            with pytest.raises(Conflict):
                store.save_token(token)
        assert stored_contents(store) == before

    def test_a_token_with_nothing_to_keep_is_refused(self, store: TokenStore) -> None:
        """Nothing that is stored changes."""
        saved = store.save_token(ALICE)
        for empty in (
            Token(),
            Token(user_name="carol", client_id="c", client_secret="s", org_id="o", scopes=("s",)),
            Token(user_name=ALICE.user_name, expires_at=NOON),
            Token(id=saved.id, user_name=ALICE.user_name),
            replace(saved, access_token="", refresh_token="", grant_token=""),
        ):
            with pytest.raises(StoreError):
                store.save_token(empty)
        assert store.get_tokens() == [saved]
