"""An old copy meets the row that was made anew under its id, in every storage."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evergrant.errors import Conflict, TokenNotFound
from evergrant.stores import open_store
from evergrant.stores.adapter import adapt
from evergrant.stores.base import TokenStore
from evergrant.stores.rows import COLUMNS, OFFICIAL_COLUMNS
from evergrant.stores.sqlite import SQLiteStore
from evergrant.testing.sample_tokens import ALICE, NOON, refreshed
from evergrant.token import Token
from tests.support.servers.databases import Database
from tests.support.stores.six_methods import OfficialColumns, OwnIds, Plain
from tests.support.stores.sql_store import official_table, put
from tests.support.stores.sqlite_store import execute

TENANT = replace(ALICE, id="tenant-1")
LOGIN = replace(TENANT, refresh_token="the login after", access_token="its own")

Open = Callable[[], TokenStore]


@pytest.fixture(
    params=(
        [
            "memory",
            "list",
            "sqlite",
            "file",
            "redis_url",
            "dynamodb_url",
            "secrets_url",
            "mariadb",
            "postgresql",
        ]
    )
)
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Open a store whose clock stands still: everything happens in one millisecond."""
    kind: str = request.param
    urls = {
        "sqlite": f"sqlite:///{tmp_path}/tokens.db",
        "file": f"file://{tmp_path}/tokens.csv",
    }
    if kind in {"memory", "list"}:
        alone = open_store(f"{kind}:", clock=lambda: NOON)
        return lambda: alone
    place = urls.get(kind) or request.getfixturevalue(kind)
    url = place.url if isinstance(place, Database) else place
    return lambda: open_store(url, clock=lambda: NOON)


def lose(store: TokenStore, former: Token) -> None:
    """Try what an old copy can do."""
    late = replace(former, access_token="late")
    with pytest.raises(Conflict):
        store.save_token(late, expected_version=former.version)
    with pytest.raises(TokenNotFound):
        store.delete_token(str(former.id), expected_version=former.version)


def test_within_one_millisecond_and_without_any_race(opening: Open) -> None:
    with opening() as store:
        former = [store.save_token(TENANT)]
        former.append(store.save_token(refreshed(TENANT, id="tenant-1")))
        store.delete_token("tenant-1")
        login = store.save_token(LOGIN)
        for copy in former:
            lose(store, copy)
        assert store.get_tokens() == [login]


def test_in_the_moment_between_reading_and_writing(
    opening: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opening() as store, opening() as other:
        if not hasattr(store, "_looked_up"):
            return  # whoever changes a row keeps all others out from the reading on
        former = store.save_token(TENANT)
        real = store._update

        def overtaken(row: Any, version: int) -> bool:
            monkeypatch.undo()
            other.delete_token("tenant-1")
            other.save_token(LOGIN)
            return real(row, version)

        monkeypatch.setattr(store, "_update", overtaken)
        with pytest.raises(Conflict):
            store.save_token(replace(former, access_token="late"), expected_version=former.version)
        assert [token.refresh_token for token in other.get_tokens()] == ["the login after"]


def test_after_a_deletion_of_all(opening: Open) -> None:
    with opening() as store, opening() as other:
        former = store.save_token(TENANT)
        other.delete_tokens()
        login = other.save_token(LOGIN)
        lose(store, former)
        assert store.get_tokens() == [login]


def test_in_a_store_of_ones_own_that_gives_an_id_again() -> None:
    class Again(OwnIds):
        def delete_token(self, id: str) -> None:  # noqa: A002 - the method's own name
            super().delete_token(id)
            self._count = itertools.count(1)

    store = adapt(Again())
    former = store.save_token(ALICE)
    store.delete_token(str(former.id))
    login = store.save_token(replace(LOGIN, id=None))
    assert login.id == former.id
    lose(store, replace(former, updated_at=login.updated_at))
    assert store.get_tokens() == [login]


@pytest.mark.parametrize("make", [Plain, OfficialColumns])
def test_in_a_store_with_six_methods(make: Callable[[], Plain]) -> None:
    store = adapt(make())
    former = store.save_token(TENANT)
    store.delete_token("tenant-1")
    login = store.save_token(LOGIN)
    lose(store, replace(former, updated_at=login.updated_at))
    assert store.get_tokens() == [login]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "zohooauth.db"


def write_as_another_program(path: Path, **values: str) -> None:
    execute(path, "DELETE FROM oauthtoken WHERE id = 'theirs'")
    whole = dict.fromkeys(OFFICIAL_COLUMNS, "x") | {"id": "theirs", "expiry_time": "1"} | values
    columns, texts = ", ".join(whole), "', '".join(whole.values())
    execute(path, f"INSERT INTO oauthtoken ({columns}) VALUES ('{texts}')")


@pytest.fixture
def store(path: Path) -> Iterator[TokenStore]:
    with SQLiteStore(path, clock=lambda: NOON) as store:
        yield store


def found(store: TokenStore) -> Token:
    token = store.find_token_by_id("theirs")
    assert token
    return token


def test_a_row_that_another_program_made_anew_is_not_the_one_that_was_read(
    store: TokenStore, path: Path
) -> None:
    write_as_another_program(path, refresh_token="first login")
    read = found(store)
    assert read.version == 0
    write_as_another_program(path, refresh_token="second login")
    late = replace(read, access_token="late", expires_at=NOON)
    with pytest.raises(Conflict):
        store.save_token(late, expected_version=0)
    assert found(store).refresh_token == "second login"


def test_a_refresh_by_another_program_is_not_done_over_by_an_older_one(
    store: TokenStore, path: Path
) -> None:
    write_as_another_program(path, refresh_token="login")
    read = found(store)
    write_as_another_program(path, refresh_token="login", access_token="b", expiry_time="9000")
    with pytest.raises(Conflict):
        store.save_token(replace(read, last_used_at=NOON), expected_version=0)
    assert found(store).access_token == "b"


def test_a_row_of_another_programs_that_was_saved_and_made_anew_twice(
    store: TokenStore, path: Path
) -> None:
    write_as_another_program(path, refresh_token="first login")
    former = store.save_token(replace(found(store), access_token="first"), expected_version=0)
    write_as_another_program(path, refresh_token="second login")
    again = store.save_token(replace(found(store), access_token="second"), expected_version=0)
    lose(store, former)
    assert found(store) == again


def test_a_column_of_versions_that_is_too_narrow_is_widened(database: Database) -> None:
    official_table(database)
    database.execute("ALTER TABLE oauthtoken ADD COLUMN version INT")
    put(database, id="7", user_name="bob", access_token="a")
    with open_store(database.url) as store:
        saved = store.save_token(replace(ALICE, id="mine"))
        assert saved.version > 2**32
        assert store.find_token_by_id("mine") == saved
        again = store.save_token(refreshed(saved, 3), expected_version=saved.version)
        assert store.find_token_by_id("mine") == again


def test_versions_are_whole_for_every_reader_of_json(store: TokenStore) -> None:
    assert store.save_token(TENANT).version < 2**53
    assert COLUMNS[-1] == "version"
