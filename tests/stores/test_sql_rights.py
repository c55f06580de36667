"""Accounts that may not do all: the official table is used unextended, and says what it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from evergrant.errors import Conflict, StoreUnavailable, TokenNotFound
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.stores.rows import OFFICIAL_COLUMNS
from evergrant.testing.contract_sharing import run_in_threads, save_concurrently
from evergrant.testing.sample_tokens import ALICE, BOB, grant, refreshed, stored_contents
from evergrant.token import Token
from tests.support.servers.databases import Database
from tests.support.servers.sql_accounts import PASSWORD, account, granted, url
from tests.support.stores.sql_store import columns_of

__all__ = ["account", "url"]


@pytest.fixture
def store(url: str) -> Iterator[TokenStore]:
    with open_store(url) as store:
        yield store


def test_an_account_that_may_not_alter_uses_the_official_columns(
    store: TokenStore, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    saved = store.save_token(ALICE)
    assert (saved.scopes, saved.org_id, saved.created_at, saved.updated_at) == (
        (),
        None,
        None,
        None,
    )
    assert store.find_token(ALICE) == store.find_token_by_id(str(saved.id)) == saved
    assert store.find_users("alice@example.com") == store.get_tokens() == [saved]
    new = store.save_token(refreshed(ALICE))
    assert new.id == saved.id
    assert store.get_tokens() == [new]
    bob = store.save_token(BOB)
    store.delete_token(str(new.id))
    with pytest.raises(TokenNotFound):
        store.delete_token(str(new.id))
    assert store.get_tokens() == [bob]
    store.delete_tokens()
    assert store.get_tokens() == []
    assert columns_of(database) == list(OFFICIAL_COLUMNS)


def test_it_is_said_once_that_something_is_missing(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    open_store(url).close()
    (message,) = caplog.messages
    assert "with the rights that the account has" in message
    assert "planted" not in message


def test_a_swap_without_versions_notices_every_change_in_between(
    store: TokenStore, database: Database
) -> None:
    read = store.save_token(ALICE)
    mine = replace(refreshed(read), id=read.id)
    database.execute("UPDATE oauthtoken SET access_token = 'by another program'")
    with pytest.raises(Conflict):
        store.save_token(mine, expected_version=read.version)
    now = store.find_token(ALICE)
    assert now is not None
    assert now.access_token == "by another program"
    saved = store.save_token(mine, expected_version=now.version)
    assert store.find_token(ALICE) == saved
    for stale in (read.version, now.version, 0, 1):
        with pytest.raises(Conflict):
            store.save_token(replace(mine, access_token="late"), expected_version=stale)
    store.delete_token(str(saved.id))
    with pytest.raises(Conflict):
        store.save_token(mine, expected_version=saved.version)
    assert store.get_tokens() == []


def test_of_writers_without_versions_one_wins(store: TokenStore, url: str) -> None:
    current = store.save_token(ALICE)
    with open_store(url) as other:
        for round_ in range(3):
            rivals = [replace(current, access_token=f"{round_} {n}") for n in range(8)]
            (current,) = save_concurrently(store, rivals)
            assert other.get_tokens() == [current]
            with pytest.raises(Conflict):
                other.save_token(rivals[0], expected_version=rivals[0].version)


def test_writers_who_cannot_lock_a_count_make_no_doubles(store: TokenStore, url: str) -> None:
    with open_store(url) as other:
        handles = [store, other]
        run_in_threads(lambda n: handles[n % 2].save_token(ALICE), 8)
        (only,) = store.get_tokens()

        def save(thread: int) -> list[Token]:
            return [handles[thread % 2].save_token(grant(f"{thread}-{n}")) for n in range(5)]

        saved = {token.id: token for tokens in run_in_threads(save) for token in tokens}
        assert stored_contents(store) == saved | {only.id: only}
        assert all(id_ and id_.isdecimal() and len(id_) <= 10 for id_ in saved)


def test_an_account_with_few_rights_can_tell_its_table_from_others(store: TokenStore) -> None:
    assert store.storage_id() != open_store("memory:").storage_id()


def test_a_lease_that_cannot_be_noted_is_granted_as_the_hint_it_is(store: TokenStore) -> None:
    with store.lease("1", 60) as lease, store.lease("1", 60) as another:
        assert lease
        assert another


def test_a_table_that_was_extended_by_another_account_is_used_whole(
    database: Database, url: str
) -> None:
    open_store(database.url).close()
    with open_store(url) as store:
        saved = store.save_token(ALICE)
        assert saved.scopes == ALICE.scopes
        again = store.save_token(refreshed(saved), expected_version=saved.version)
        assert again.version == saved.version + 1
        with store.lease("1", 60), store.lease("1", 60) as hint:
            assert hint


def test_an_account_that_may_only_read_finds_and_is_told_why_it_cannot_save(
    database: Database, account: str
) -> None:
    url = granted(database, account, "SELECT")
    database.execute("INSERT INTO oauthtoken (id, user_name, access_token) VALUES ('1', 'u', 'a')")
    with open_store(url) as store:
        found = store.find_token(Token(user_name="u"))
        assert found is not None
        for change in (
            lambda: store.save_token(found),
            lambda: store.delete_token("1"),
            store.delete_tokens,
        ):
            with pytest.raises(StoreUnavailable, match="lacks rights") as caught:
                change()
            assert not caught.value.retryable
            assert "INSERT" in caught.value.hint
        assert store.get_tokens() == [found]


def test_an_account_that_may_not_create_the_table_is_told_so(
    database: Database, account: str
) -> None:
    if "mysql" in database.url:
        database.execute(f"GRANT SELECT ON {database.name}.* TO {account}")
    with pytest.raises(StoreUnavailable, match="lacks rights") as caught:
        open_store(database.url_for(account, PASSWORD))
    assert not caught.value.retryable
    assert "CREATE" in caught.value.hint


def test_a_login_that_is_refused_says_so(database: Database, account: str) -> None:
    with pytest.raises(StoreUnavailable, match="refuses the login") as caught:
        open_store(database.url_for(account, "planted-wrong"))
    assert not caught.value.retryable
    assert account in str(caught.value)
    assert "planted" not in f"{caught.value} {caught.value!r} {caught.value.hint}"


def test_a_database_that_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="there is no database") as caught:
        open_store(database.url.replace(database.name, "nowhere"))
    assert not caught.value.retryable
    assert "nowhere" in str(caught.value)
