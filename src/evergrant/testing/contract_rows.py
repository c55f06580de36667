"""Ids, versions and the deletion of rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evergrant.errors import Conflict, StoreError, TokenNotFound
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import (
    ALICE,
    BOB,
    HARD_TEXTS,
    TWINS,
    Reopen,
    grant,
    refreshed,
    stored_contents,
)
from evergrant.token import Token

__all__ = ["RowContract"]

ID_DIGITS = 10
ODD_IDS = (
    "tenant-7",
    "o'b",
    "1 or 1=1",
    "a b",
    "007",
    "-3",
    "+5",
    "1e5",
    "1_000",
    " 8",
    "8 ",
    "\u00b2",
    "\u0663",
    "\u00fc\U0001f511",
    "99999999",
    "9999999999",
    "python_me_PRD_abcd",
    "9" * 30,
)
"""Ids that a caller may choose; the official SDK's older ones are of the form of the last but
one, and some of the others are numbers to a program that is not careful."""


class RowContract:
    """Rows: ids never collide, versions count, deleted rows stay deleted."""

    def test_ids_are_short_numbers_and_never_the_same(self, store: TokenStore) -> None:
        """The official tables hold ten characters; other stores fail at the eleventh token."""
        ids = [
            store.save_token(Token(user_name=f"u{n}", access_token=f"a{n}")).id for n in range(200)
        ]
        assert len(set(ids)) == 200
        assert all(is_short_number(id_) for id_ in ids)
        assert set(stored_contents(store)) == set(ids)

    def test_the_id_of_a_deleted_row_is_not_used_again(self, store: TokenStore) -> None:
        """A late writer that still has the id must not find another user's row."""
        first, last = (str(store.save_token(token).id) for token in (ALICE, BOB))
        used: set[str | None] = {first, last}
        for id_ in (last, first):
            store.delete_token(id_)
            fresh = store.save_token(Token(user_name=f"after {id_}", access_token="a"))
            assert fresh.id not in used
            used.add(fresh.id)
        store.delete_tokens()
        for who in ("carol", "dave"):
            fresh = store.save_token(grant(who))
            assert fresh.id not in used
            used.add(fresh.id)

    def test_an_id_that_the_caller_chose_is_kept_from_the_first_save_on(
        self, store: TokenStore
    ) -> None:
        """An id that is too long for the storage is refused, and nothing is stored."""
        for id_ in ODD_IDS:
            token = Token(id=id_, user_name=f"user of {id_}", access_token=f"access of {id_}")
            if store.id_width is not None and len(id_) > store.id_width:
                with pytest.raises(StoreError):
                    store.save_token(token)
                assert store.find_token(token) is None
            else:
                assert store.save_token(token).id == id_
                again = store.save_token(refreshed(token, user_name=token.user_name))
                assert again.id == id_
                assert store.find_token_by_id(id_) == again

    def test_given_ids_go_round_chosen_ones(self, store: TokenStore) -> None:
        """Whatever was chosen, the next id is new, short and a number."""
        chosen = [id_ for id_ in ODD_IDS if store.id_width is None or len(id_) <= store.id_width]
        seen = set()
        for id_ in (*(str(n) for n in range(1, 30, 3)), *chosen):
            seen.add(store.save_token(Token(id=id_, user_name=f"+{id_}", access_token="a")).id)
            given = store.save_token(Token(user_name=f"user after {id_}", access_token="a")).id
            assert given not in seen
            assert is_short_number(given)
            seen.add(given)
        assert set(stored_contents(store)) == seen

    def test_an_unknown_id_does_not_make_a_second_row(self, store: TokenStore) -> None:
        """The user has a row already: it keeps its id."""
        saved = store.save_token(ALICE)
        again = store.save_token(replace(refreshed(ALICE), id="unknown"))
        assert again.id == saved.id
        assert store.get_tokens() == [again]

    def test_an_id_of_another_owner_is_refused(self, store: TokenStore) -> None:
        """The row of another user, client or org is not changed, and no new row is made."""
        alice = store.save_token(ALICE)
        for other in (BOB, grant(client="1000.OTHER"), grant(org_id="60002")):
            with pytest.raises(Conflict):
                store.save_token(replace(other, id=alice.id))
            with pytest.raises(Conflict):
                store.save_token(replace(other, id=alice.id), expected_version=alice.version)
        assert store.get_tokens() == [alice]

    def test_versions_count_the_saves(self, store: TokenStore) -> None:
        """From one, for each row, whatever version the caller passes."""
        assert store.save_token(replace(ALICE, version=7)).version == 1
        assert store.save_token(BOB).version == 1
        assert store.save_token(refreshed(ALICE)).version == 2
        assert store.save_token(refreshed(ALICE, -1)).version == 3
        assert store.save_token(replace(refreshed(ALICE, 2), version=99)).version == 4
        found = store.find_token(ALICE)
        assert found is not None
        assert found.version == 4

    def test_a_save_that_expects_the_current_version_wins(self, store: TokenStore) -> None:
        """Whatever its expiry. The next save that expects the same version is refused."""
        read = store.save_token(ALICE)
        mine = replace(refreshed(ALICE, -3), id=read.id)
        saved = store.save_token(mine, expected_version=1)
        assert (saved.version, saved.access_token) == (2, mine.access_token)
        with pytest.raises(Conflict):
            store.save_token(refreshed(ALICE, 5), expected_version=1)
        assert store.get_tokens() == [saved]

    def test_a_save_that_expects_another_version_is_refused(self, store: TokenStore) -> None:
        """With the id and without. Nothing changes, not even the version."""
        saved = store.save_token(refreshed(store.save_token(ALICE)))
        for id_ in (saved.id, None):
            for version in (0, 1, 3, -1, 10**30):
                late = replace(refreshed(ALICE, 9), id=id_, version=version)
                with pytest.raises(Conflict):
                    store.save_token(late, expected_version=version)
        assert store.get_tokens() == [saved]

    def test_version_zero_expects_no_row_yet(self, store: TokenStore) -> None:
        """The first save makes the row, the second is refused."""
        saved = store.save_token(ALICE, expected_version=0)
        assert saved.version == 1
        with pytest.raises(Conflict):
            store.save_token(refreshed(ALICE), expected_version=0)
        with pytest.raises(Conflict):
            store.save_token(BOB, expected_version=1)
        assert store.get_tokens() == [saved]

    def test_a_deleted_row_does_not_come_back(self, store: TokenStore) -> None:
        """A refresh that ends after a logout is refused, also after the next login."""
        read = store.save_token(ALICE)
        store.delete_token(str(read.id))
        late = replace(read, access_token="late")
        with pytest.raises(Conflict):
            store.save_token(late, expected_version=read.version)
        assert store.get_tokens() == []
        login = store.save_token(refreshed(ALICE, refresh_token="new login"))
        assert login.version == read.version
        with pytest.raises(Conflict):
            store.save_token(late, expected_version=read.version)
        assert store.get_tokens() == [login]

    def test_an_old_copy_does_not_touch_the_row_that_took_its_place(
        self, store: TokenStore
    ) -> None:
        """It neither saves nor deletes a new row with the same id, however fast that was made."""
        tenant = replace(ALICE, id="tenant-7")
        copies: list[Token] = []
        for login in range(8):
            made = store.save_token(replace(tenant, refresh_token=f"planted-login-{login}"))
            for copy in copies:
                # As if both had been saved within one millisecond.
                late = replace(copy, access_token="planted-late", updated_at=made.updated_at)
                with pytest.raises(Conflict):
                    store.save_token(late, expected_version=copy.version)
                with pytest.raises(TokenNotFound):
                    store.delete_token("tenant-7", expected_version=copy.version)
            later = refreshed(made, 9, id=made.id, refresh_token=made.refresh_token)
            copies += [made, store.save_token(later, expected_version=made.version)]
            assert store.get_tokens() == copies[-1:]
            store.delete_token("tenant-7", expected_version=copies[-1].version)

    def test_a_refused_save_changes_nothing(self, store: TokenStore) -> None:
        """Not even the nameless row that would have joined its owner's."""
        store.save_token(ALICE)
        login = refreshed(ALICE, refresh_token="second", grant_token=None)
        nameless = store.save_token(replace(login, user_name=None))
        before = stored_contents(store)
        for version in (1, 5):
            with pytest.raises(Conflict):
                store.save_token(replace(login, id=nameless.id), expected_version=version)
        assert stored_contents(store) == before

    def test_deletes_one_row_and_no_other(self, store: TokenStore) -> None:
        """By its exact id."""
        saved = [store.save_token(grant(who)) for who in ("alice", "bob", "carol")]
        store.delete_token(str(saved[1].id))
        assert stored_contents(store) == {token.id: token for token in (saved[0], saved[2])}
        assert store.find_token(BOB) is None
        assert store.find_token_by_id(str(saved[1].id)) is None

    def test_deleting_an_unknown_id_is_an_error(self, store: TokenStore) -> None:
        """An id is text: not a number, not a pattern, not SQL."""
        alice = store.save_token(ALICE)
        bob = store.save_token(BOB)
        store.delete_token(str(bob.id))
        near = (f"0{alice.id}", f"{alice.id} ", f" {alice.id}", f"{alice.id}.0", f"{alice.id}x")
        for id_ in (str(bob.id), "", "unknown", *near, *HARD_TEXTS, *TWINS):
            if id_ != alice.id:
                with pytest.raises(TokenNotFound):
                    store.delete_token(id_)
        assert store.get_tokens() == [alice]

    def test_a_delete_that_expects_another_version_deletes_nothing(
        self, store: TokenStore, reopen: Reopen
    ) -> None:
        """If another save came in between. Another handle knows the versions too."""
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        newer = store.save_token(refreshed(alice))
        for version in (0, alice.version, newer.version + 1):
            with pytest.raises(TokenNotFound):
                store.delete_token(str(alice.id), expected_version=version)
        with pytest.raises(TokenNotFound):
            store.delete_token("unknown", expected_version=1)
        assert stored_contents(store) == {alice.id: newer, bob.id: bob}
        with reopen() as other:
            other.delete_token(str(alice.id), expected_version=newer.version)
        assert store.get_tokens() == [bob]

    def test_deletes_all(self, store: TokenStore) -> None:
        """An empty store too. The store still works afterwards."""
        store.delete_tokens()
        for who in ("alice", "bob", "carol"):
            saved = store.save_token(grant(who))
        store.delete_tokens()
        assert store.get_tokens() == []
        assert store.find_token(ALICE) is None
        assert store.find_token_by_id(str(saved.id)) is None
        again = store.save_token(ALICE)
        assert store.get_tokens() == [again]
        assert again.version == 1


def is_short_number(id_: str | None) -> bool:
    """Return True if an id has the form that stores generate."""
    return type(id_) is str and id_.isascii() and id_.isdecimal() and len(id_) <= ID_DIGITS
