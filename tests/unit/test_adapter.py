"""An object with just the six methods, in the place of a store."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from evergrant.errors import ConfigError, Conflict, StoreError, StoreUnavailable, TokenNotFound
from evergrant.stores import open_store
from evergrant.stores.adapter import adapt
from evergrant.stores.adapter.six_methods import SixMethodStore
from evergrant.testing.sample_tokens import ALICE, BOB, NOON, SECRETS, grant, refreshed
from evergrant.token import Token
from tests.support.stores.six_methods import ByUser, FullDisk, OfficialColumns, OwnIds, Plain


class Refuses(Plain):
    """Fails, and tells what it was given."""

    def save_token(self, token: Token) -> None:
        plain = str.__str__(token.access_token or "")
        raise OSError(f"cannot write {plain}")


class SaysTooMuch(Plain):
    def get_tokens(self) -> list[Token]:
        for token in super().get_tokens():
            raise ValueError("refresh " + str.__str__(token.refresh_token or ""))
        return []


class ForgetsSaves(Plain):
    def save_token(self, token: Token) -> None:
        """As one that swallows the error."""


class KeepsTheFirst(Plain):
    def save_token(self, token: Token) -> None:
        self.tokens.setdefault(str(token.id), token)


class CutsAt20(Plain):
    def save_token(self, token: Token) -> None:
        short = str.__str__(token.refresh_token or "")[:20]
        super().save_token(replace(token, refresh_token=short))


class KeepsWholeSeconds(Plain):
    def save_token(self, token: Token) -> None:
        moment = token.expires_at and token.expires_at.replace(microsecond=0)
        super().save_token(replace(token, expires_at=moment))


class NeverDeletes(Plain):
    def delete_token(self, id: str) -> None:  # noqa: A002 - the official SDK's name
        """As one that compares an id with a number."""

    def delete_tokens(self) -> None:
        """The same."""


class Without:
    find_token = save_token = delete_token = get_tokens = delete_tokens = print


class Asynchronous(Plain):
    async def save_token(self, token: Token) -> None:  # type: ignore[override]
        super().save_token(token)


def shows_a_secret(error: BaseException) -> bool:
    """Return True if an error tracker would print one."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return SECRETS in f"{error!r} {error} {''.join(told.format())}"


def test_a_store_of_evergrants_own_is_left_as_it_is() -> None:
    with open_store("memory:") as store:
        assert adapt(store) is store


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (Without(), "find_token_by_id"),
        (object(), "find_token, save_token, delete_token, get_tokens, delete_tokens"),
        ("sqlite:///tokens.db", "open_store"),
        (Plain, "is a class"),
        (Asynchronous(), "save_token"),
    ],
)
def test_what_is_no_store_is_refused_by_name(what: Any, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        adapt(what)
    assert said in str(refused.value)


def test_two_keepers_of_one_object_share_its_leases() -> None:
    mine = Plain()
    with adapt(mine).lease("1", 60):
        assert not adapt(mine).lease("1", 60)
    assert adapt(Plain()) is not adapt(mine)


def test_closes_what_can_be_closed() -> None:
    class Closable(Plain):
        closed = False

        def close(self) -> None:
            self.closed = True

    mine = Closable()
    with adapt(mine):
        assert not mine.closed
    assert mine.closed
    adapt(Plain()).close()


def test_the_address_of_a_store_shows_no_password_and_tells_stores_apart() -> None:
    class Database(Plain):
        def __init__(self, url: str) -> None:
            super().__init__()
            self.url = url

    one, two = (adapt(Database(f"mysql://u:planted@h/d?t={n}")) for n in (1, 2))
    assert "planted" not in f"{one.url} {one!r}"
    assert one.url.startswith("mysql://u:***@h/d")
    assert one.url != two.url
    assert adapt(Database("dict:tokens")).url == "dict:tokens"
    assert adapt(Plain()).url == "tests.support.stores.six_methods.plain:"


@pytest.mark.parametrize("make", [Plain, ByUser, OwnIds, OfficialColumns])
def test_compare_and_swap_holds_within_the_process(make: Callable[[], Plain]) -> None:
    store = adapt(make())
    read = store.save_token(ALICE)
    assert read.version == 1 or make is OwnIds  # that one may give an id again
    new = store.save_token(replace(read, access_token="new"), expected_version=read.version)
    assert (new.id, new.version) == (read.id, read.version + 1)
    with pytest.raises(Conflict):
        store.save_token(replace(read, access_token="late"), expected_version=read.version)
    assert store.find_token(ALICE) == new


def test_a_change_behind_its_back_is_a_new_version() -> None:
    mine = OfficialColumns()
    store = adapt(mine)
    read = store.save_token(ALICE)
    mine.save_token(replace(read, access_token="of another process"))
    with pytest.raises(Conflict):
        store.save_token(replace(read, access_token="late"), expected_version=read.version)
    found = store.find_token(ALICE)
    assert found is not None
    assert (found.access_token, found.version) == ("of another process", 2)


def test_what_the_store_has_no_column_for_is_remembered() -> None:
    store = adapt(OfficialColumns())
    saved = store.save_token(replace(ALICE, last_used_at=NOON))
    assert (saved.scopes, saved.org_id, saved.last_used_at) == (ALICE.scopes, "60001", NOON)
    assert store.find_token(ALICE) == saved
    later = store.save_token(replace(saved, last_used_at=NOON + timedelta(hours=1)))
    assert later.last_used_at == NOON + timedelta(hours=1)
    assert store.find_token(ALICE) == later


def test_a_store_that_counts_versions_itself_may() -> None:
    class Counts(Plain):
        def save_token(self, token: Token) -> None:
            super().save_token(replace(token, version=token.version + 10))

    store = adapt(Counts())
    saved = store.save_token(ALICE)
    assert store.find_token(ALICE) == saved
    again = store.save_token(refreshed(saved), expected_version=saved.version)
    assert store.find_token(ALICE) == again
    assert again.version > saved.version


def test_an_id_that_the_store_gives_itself_is_taken() -> None:
    mine = OwnIds()
    store = adapt(mine)
    saved = store.save_token(ALICE)
    assert str(saved.id).startswith("own-")
    assert store.find_token_by_id(str(saved.id)) == saved
    store.delete_token(str(saved.id))
    assert mine.get_tokens() == []


def test_tokens_that_were_there_before_and_have_no_id_get_one() -> None:
    mine = ByUser()
    mine.save_token(ALICE)
    mine.save_token(BOB)
    store = adapt(mine)
    (found,) = store.find_users("alice@example.com")
    assert found.id
    assert len({token.id for token in store.get_tokens()}) == 2
    saved = store.save_token(replace(found, access_token="new"), expected_version=found.version)
    assert saved.id == found.id
    assert store.find_users("alice@example.com") == [saved]


def test_an_error_of_the_store_is_told_and_its_secrets_are_not() -> None:
    for store in (adapt(Refuses()), adapt(SaysTooMuch())):
        with pytest.raises(StoreUnavailable) as raised:
            store.save_token(ALICE)  # the second fails when it looks at what it saved
        assert not shows_a_secret(raised.value)
        assert "save_token" in str(raised.value) or "get_tokens" in str(raised.value)
        assert "test_adapter.py, line" in str(raised.value)


def test_the_cause_of_an_error_without_secrets_is_kept() -> None:
    class Gone(Plain):
        def get_tokens(self) -> list[Token]:
            raise ConnectionError("no route to host")

    with pytest.raises(StoreUnavailable, match="ConnectionError: no route to host") as raised:
        adapt(Gone()).find_users("alice")
    assert isinstance(raised.value.__cause__, ConnectionError)


@pytest.mark.parametrize(
    ("make", "said"),
    [(ForgetsSaves, "not there"), (CutsAt20, "refresh_token"), (KeepsTheFirst, "access_token")],
)
def test_a_save_that_did_not_happen_is_an_error(make: Callable[[], Plain], said: str) -> None:
    store = adapt(make())
    with pytest.raises(StoreError, match=said) as raised:
        store.save_token(refreshed(store.save_token(ALICE)))
    assert not shows_a_secret(raised.value)


def test_an_expiry_in_whole_seconds_is_good_enough() -> None:
    store = adapt(KeepsWholeSeconds())
    saved = store.save_token(replace(ALICE, expires_at=NOON + timedelta(seconds=1, milliseconds=5)))
    assert saved.expires_at == NOON + timedelta(seconds=1)
    assert store.find_token(ALICE) == saved


def test_a_deletion_that_did_not_happen_is_an_error() -> None:
    store = adapt(NeverDeletes())
    saved = store.save_token(ALICE)
    with pytest.raises(StoreError, match="still there"):
        store.delete_token(str(saved.id))
    with pytest.raises(StoreError, match="still there"):
        store.delete_tokens()
    with pytest.raises(TokenNotFound):
        store.delete_token("unknown")


def test_a_store_that_takes_two_clients_for_one_loses_neither() -> None:
    mine = ByUser()
    store = adapt(mine)
    first = store.save_token(grant(client="1000.ONE"))
    with pytest.raises(StoreError, match="it replaced token") as raised:
        store.save_token(grant(client="1000.TWO"))
    assert not shows_a_secret(raised.value)
    assert store.get_tokens() == [first]


@pytest.mark.parametrize("answer", [None, "text", [None], [("1", "alice")], [Plain()]])
def test_an_answer_that_holds_no_tokens_is_an_error(answer: Any) -> None:
    class Odd(Plain):
        def get_tokens(self) -> list[Token]:
            return answer  # type: ignore[no-any-return]

    with pytest.raises(StoreError, match="get_tokens"):
        adapt(Odd()).find_users("alice")


def test_a_token_with_nothing_in_it_harms_no_other() -> None:
    mine = FullDisk()
    mine.full = False
    mine.save_token(Token(id="1", user_name=ALICE.user_name))
    store = adapt(mine)
    bob = store.save_token(BOB)
    assert store.get_tokens() == [bob]
    mine.full = True
    with pytest.raises(StoreUnavailable, match="no space left"):
        store.save_token(refreshed(bob))


def test_it_says_what_it_cannot_promise() -> None:
    store = adapt(Plain())
    assert isinstance(store, SixMethodStore)
    assert any("process" in sentence for sentence in store.not_promised)
