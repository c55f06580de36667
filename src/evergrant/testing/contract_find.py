"""Finding tokens: what every store returns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import (
    ALICE,
    BOB,
    HARD_TEXTS,
    NOON,
    grant,
    of_client,
    refreshed,
    stored_contents,
)
from evergrant.token import Token

__all__ = ["FindContract"]


class FindContract:
    """Finding: the order of criteria, what else must match, and what matches nothing."""

    def test_an_empty_store_finds_nobody(self, store: TokenStore) -> None:
        """Nothing is found, listed or invented."""
        assert store.find_token(ALICE) is None
        assert store.find_token_by_id("1") is None
        assert store.find_users("alice@example.com") == []
        assert store.get_tokens() == list(store.iter_tokens()) == []

    def test_finds_by_user_name(self, store: TokenStore) -> None:
        """The name is enough, with and without the client."""
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        assert store.find_token(Token(user_name=ALICE.user_name)) == alice
        assert store.find_token(Token(user_name=BOB.user_name, client_id=BOB.client_id)) == bob

    def test_the_user_name_decides_before_all_else(self, store: TokenStore) -> None:
        """A query with Alice's name and Bob's tokens does not find Bob."""
        alice, _ = store.save_token(ALICE), store.save_token(BOB)
        assert store.find_token(replace(BOB, user_name=ALICE.user_name)) == alice

    def test_a_user_without_a_token_is_not_found_by_anything_else(self, store: TokenStore) -> None:
        """There is no fallback from the name to a token."""
        store.save_token(ALICE)
        assert store.find_token(replace(ALICE, user_name="carol")) is None
        assert store.find_token(Token(user_name="carol", access_token=ALICE.access_token)) is None

    def test_finds_by_access_token_without_a_client(self, store: TokenStore) -> None:
        """The access token alone is enough, even beside other tokens."""
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        assert store.find_token(Token(access_token=ALICE.access_token)) == alice
        beside = Token(access_token=BOB.access_token, refresh_token=ALICE.refresh_token)
        assert store.find_token(beside) == bob
        assert store.find_token(Token(access_token="unknown")) is None

    def test_an_access_token_with_a_client_finds_nobody(self, store: TokenStore) -> None:
        """Client and access token are not a criterion, alone or as a pair."""
        store.save_token(ALICE)
        access = ALICE.access_token
        assert store.find_token(Token(access_token=access, client_id=ALICE.client_id)) is None
        secret_only = Token(access_token=access, client_secret=ALICE.client_secret)
        assert store.find_token(secret_only) is None
        assert store.find_token(of_client(access_token=access)) is None

    def test_finds_by_grant_token_with_the_client(self, store: TokenStore) -> None:
        """A restart with the same configuration finds the token that the code was exchanged for."""
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        assert store.find_token(of_client(grant_token=ALICE.grant_token)) == alice
        assert store.find_token(of_client(grant_token=BOB.grant_token)) == bob

    def test_finds_by_refresh_token_with_the_client(self, store: TokenStore) -> None:
        """An empty grant token is ignored."""
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        assert store.find_token(of_client(refresh_token=ALICE.refresh_token)) == alice
        partial = of_client(refresh_token=BOB.refresh_token, grant_token="")
        assert store.find_token(partial) == bob

    def test_the_grant_token_decides_before_the_refresh_token(self, store: TokenStore) -> None:
        """There is no fallback to it."""
        alice, _ = store.save_token(ALICE), store.save_token(BOB)
        mixed = of_client(grant_token=ALICE.grant_token, refresh_token=BOB.refresh_token)
        assert store.find_token(mixed) == alice
        assert store.find_token(replace(mixed, grant_token="unknown")) is None

    def test_grant_and_refresh_token_need_client_and_secret(self, store: TokenStore) -> None:
        """Without both, nothing is found."""
        store.save_token(ALICE)
        for partial in (
            Token(grant_token=ALICE.grant_token),
            Token(refresh_token=ALICE.refresh_token),
        ):
            assert store.find_token(partial) is None
            assert store.find_token(replace(partial, client_id=ALICE.client_id)) is None
            assert store.find_token(replace(partial, client_secret=ALICE.client_secret)) is None

    def test_a_client_that_is_given_must_match(self, store: TokenStore) -> None:
        """Whatever the criterion."""
        store.save_token(ALICE)
        for partial in (
            Token(user_name=ALICE.user_name),
            of_client(grant_token=ALICE.grant_token),
            of_client(refresh_token=ALICE.refresh_token),
        ):
            assert store.find_token(replace(partial, client_id="1000.OTHER")) is None

    def test_an_org_that_is_given_must_match(self, store: TokenStore) -> None:
        """Whatever the criterion."""
        alice = store.save_token(ALICE)
        for partial in (
            Token(user_name=ALICE.user_name),
            Token(access_token=ALICE.access_token),
            of_client(refresh_token=ALICE.refresh_token),
            of_client(grant_token=ALICE.grant_token),
        ):
            assert store.find_token(replace(partial, org_id="60001")) == alice
            assert store.find_token(replace(partial, org_id="60002")) is None

    def test_two_clients_of_one_user_never_mix(self, store: TokenStore) -> None:
        """Each client finds its own token, whole."""
        one = store.save_token(grant(client="1000.ONE"))
        two = store.save_token(grant(client="1000.TWO"))
        for saved in (one, two):
            found = store.find_token(Token(user_name=saved.user_name, client_id=saved.client_id))
            assert found == saved

    def test_one_person_in_two_orgs_stays_two(self, store: TokenStore) -> None:
        """By full name, or by org if the caller's names are the same."""
        for name in ("alice@example.com:{}", "alice"):
            orgs = [
                store.save_token(grant(f"org{org}", user_name=name.format(org), org_id=org))
                for org in ("60001", "60002")
            ]
            for saved in orgs:
                partial = Token(user_name=saved.user_name, org_id=saved.org_id)
                assert store.find_token(partial) == saved
        assert len(store.get_tokens()) == 4

    def test_of_several_that_fit_the_freshest_is_found_whole(self, store: TokenStore) -> None:
        """Whichever was saved first; no field comes from the other one."""
        old = {"expires_at": NOON - timedelta(hours=1)}
        for who, first, second in (("alice", old, {}), ("bob", {}, old)):
            one = store.save_token(grant(who, "1000.ONE", **first))
            two = store.save_token(grant(who, "1000.TWO", **second))
            found = store.find_token(Token(user_name=one.user_name))
            assert found == (two if first else one)

    def test_a_question_that_names_nobody_finds_nobody(self, store: TokenStore) -> None:
        """In particular, not the first row."""
        saved = store.save_token(ALICE)
        store.save_token(Token(access_token="of a nameless row"))
        for question in (
            Token(),
            Token(id=saved.id),
            Token(id=saved.id, version=saved.version),
            Token(user_name="", access_token="", refresh_token="", grant_token=""),
            Token(user_name="", client_id="", client_secret="", org_id="", api_domain=""),
            of_client(),
            Token(client_id=ALICE.client_id),
            Token(client_secret=ALICE.client_secret),
            Token(org_id=ALICE.org_id),
            Token(
                redirect_url=ALICE.redirect_url, api_domain=ALICE.api_domain, scopes=ALICE.scopes
            ),
        ):
            assert store.find_token(question) is None, question
        assert store.find_users("") == []

    def test_finds_by_id(self, store: TokenStore) -> None:
        """The whole token, or None: an unknown id is not an error."""
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        assert store.find_token_by_id(str(alice.id)) == alice
        assert store.find_token_by_id(str(bob.id)) == bob
        for id_ in ("unknown", "999999", "", "None", "null", *HARD_TEXTS):
            if id_ not in (alice.id, bob.id):
                assert store.find_token_by_id(id_) is None, id_

    def test_an_id_is_text_and_matches_exactly(self, store: TokenStore) -> None:
        """A database that compares ids as numbers, or pads them, finds another's token."""
        id_ = str(store.save_token(ALICE).id)
        for near in (f"0{id_}", f"{id_}.0", f" {id_}", f"{id_} ", f"+{id_}", f"{id_}x", f"{id_}\n"):
            assert store.find_token_by_id(near) is None, near

    def test_finds_a_person_by_the_bare_address(self, store: TokenStore) -> None:
        """All tokens with exactly this name, or with this name followed by a colon and anything."""
        alice = [store.save_token(grant(user_name=f"alice@example.com:{n}")) for n in (1, 2)]
        bare = store.save_token(grant("bare", user_name="alice@example.com"))
        for other in ("malice@example.com:1", "alice@example.com.evil.io:1"):
            store.save_token(grant(other, user_name=other))
        store.save_token(Token(access_token="of a nameless row"))
        found = {token.id: token for token in store.find_users("alice@example.com")}
        assert found == {token.id: token for token in (*alice, bare)}
        assert store.find_users("alice@example.com:2") == [alice[1]]
        for name in (
            "alice",
            "alice@example.com:",
            "alice@example.com:3",
            "%",
            "alice@example_com",
        ):
            assert store.find_users(name) == [], name

    def test_an_address_is_one_user_in_any_case(self, store: TokenStore) -> None:
        """Found, saved and counted as one user; the first spelling is kept."""
        name = "Alice.O'Hara@Example.com:60001"
        first = store.save_token(grant(user_name=name))
        for spelled in (name, name.lower(), name.upper(), "aLICE.o'hARA@eXAMPLE.com:60001"):
            assert store.find_token(Token(user_name=spelled)) == first, spelled
            assert store.find_token(Token(user_name=spelled, client_id="1000.APP")) == first
            assert store.find_token(Token(user_name=spelled, client_id="1000.OTHER")) is None
            assert store.find_users(spelled) == store.find_users(spelled[:-6]) == [first], spelled
            first = store.save_token(refreshed(first, first.version, user_name=spelled))
            assert (first.user_name, stored_contents(store)) == (name, {first.id: first}), spelled

    def test_only_an_address_is_the_same_in_any_case(self, store: TokenStore) -> None:
        """Keys that the caller chose, orgs, and letters other than A to Z are compared exactly."""
        keys = ("Tenant-A", "tenant-a", "acme:A@x.io", "acme:a@x.io", "a@x.io:Org", "a@x.io:org")
        names = (*keys, "stra\u00dfe@x.io", "strasse@x.io", "\u0130@x.io", "\u0131@x.io", "i@x.io")
        saved = {name: store.save_token(grant(user_name=name, org_id=None)) for name in names}
        assert len(stored_contents(store)) == len(names)
        for name, token in saved.items():
            assert store.find_token(Token(user_name=name)) == token, name
            assert store.find_users(name) == [token], name
        assert store.find_users("ACME") == []

    def test_a_found_token_is_the_one_last_saved(self, store: TokenStore) -> None:
        """By every criterion, and not by values that it no longer has."""
        store.save_token(ALICE)
        store.find_token(ALICE)  # a cache would be filled here
        new = store.save_token(refreshed(ALICE))
        assert store.find_token(Token(user_name=ALICE.user_name)) == new
        assert store.find_token_by_id(str(new.id)) == new
        assert store.find_token(Token(access_token=new.access_token)) == new
        assert store.find_users("alice@example.com") == [new]
        assert store.find_token(Token(access_token=ALICE.access_token)) is None
