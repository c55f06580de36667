"""Tables that others made: the official SDK's, and what only looks like it."""

from __future__ import annotations

import logging

import pytest

from evergrant.errors import StoreError, StoreMissing, StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.rows import COLUMNS, OFFICIAL_COLUMNS
from evergrant.testing.sample_tokens import ALICE, grant, refreshed
from evergrant.token import Token
from tests.support.servers.databases import Database
from tests.support.stores.sql_store import columns_of, elsewhere, official_table, put

THEIRS = {
    "id": "7",
    "user_name": "theirs",
    "client_id": "c",
    "client_secret": "s",
    "refresh_token": "r",
    "access_token": "a",
    "expiry_time": "1893499200000",
}


def test_the_official_table_is_opened_as_it_is_and_extended_behind(database: Database) -> None:
    official_table(database)
    put(database, **THEIRS)
    with open_store(database.url) as store:
        found = store.find_token(Token(user_name="theirs"))
        assert found is not None
        assert (found.id, found.version, found.access_token) == ("7", 0, "a")
        saved = store.save_token(refreshed(found, scopes=("x",)), expected_version=0)
        assert saved.id == "7"
        assert saved.version > 1
    assert columns_of(database) == list(COLUMNS)
    row = dict(zip(COLUMNS, database.execute("SELECT * FROM oauthtoken")[0], strict=True))
    assert row["user_name"] == "theirs"
    assert row["access_token"] == str.__str__(saved.access_token or "")


def test_columns_in_another_order_are_told_by_their_names(database: Database) -> None:
    order = ["redirect_url", "id", "api_domain"]
    rest = [column for column in OFFICIAL_COLUMNS if column not in order]
    types = dict.fromkeys((*order, *rest), "varchar(255)") | {"id": "varchar(10)"}
    columns = ", ".join(f"{column} {type_}" for column, type_ in types.items())
    database.execute(f"CREATE TABLE oauthtoken ({columns}, PRIMARY KEY (id))")
    put(database, **THEIRS)
    with open_store(database.url) as store:
        alice = store.save_token(ALICE)
        assert store.find_token(ALICE) == alice
        theirs = store.find_token_by_id("7")
        assert theirs is not None
        assert (theirs.user_name, theirs.redirect_url) == ("theirs", None)
    [(address,)] = database.execute(f"SELECT redirect_url FROM oauthtoken WHERE id = '{alice.id}'")
    assert address == ALICE.redirect_url


@pytest.mark.parametrize("lacking", ["refresh_token", "api_domain"])
def test_a_table_without_an_official_column_is_refused_untouched(
    database: Database, lacking: str
) -> None:
    official_table(database, without=lacking)
    before = columns_of(database)
    with pytest.raises(StoreUnavailable, match=f"has no column {lacking}") as caught:
        open_store(database.url)
    assert not caught.value.retryable
    assert columns_of(database) == before
    assert columns_of(database, "evergrant_counter") == []


def test_a_table_with_another_key_is_refused(database: Database) -> None:
    columns = ", ".join(f"{column} varchar(50) NOT NULL" for column in OFFICIAL_COLUMNS)
    database.execute(f"CREATE TABLE oauthtoken ({columns}, PRIMARY KEY (user_name))")
    with pytest.raises(StoreUnavailable, match="primary key is not the id"):
        open_store(database.url)


def test_a_view_is_refused(database: Database) -> None:
    columns = ", ".join(f"'x' AS {column}" for column in OFFICIAL_COLUMNS)
    database.execute(f"CREATE VIEW oauthtoken AS SELECT {columns}")
    with pytest.raises(StoreUnavailable, match="does not hold tokens"):
        open_store(database.url)


def test_an_id_that_is_a_number_is_refused(database: Database) -> None:
    official_table(database, id="integer")
    with pytest.raises(StoreUnavailable, match="its id is not text"):
        open_store(database.url)


def test_a_name_of_an_own_table_is_used_and_no_other(database: Database) -> None:
    with open_store(f"{database.url}?table=Tenant_7") as tenant, open_store(database.url) as store:
        assert tenant.url.endswith("?table=Tenant_7")
        saved = [each.save_token(ALICE) for each in (tenant, store)]
        tenant.delete_tokens()
        assert store.get_tokens() == [saved[1]]
        with store.lease("1", 60) as first, tenant.lease("1", 60) as second:
            assert first
            assert second


def test_a_long_id_is_refused_where_the_column_is_short(database: Database) -> None:
    official_table(database)
    with open_store(database.url) as store:
        assert store.id_width == 10
        with pytest.raises(StoreError, match="longer than the 10 characters"):
            store.save_token(grant(id="tenant-number-7"))
        assert store.save_token(grant(id="tenant-7")).id == "tenant-7"
        assert store.find_token_by_id("tenant-number-7") is None


def test_legacy_ids_up_to_the_last_that_fits_are_not_given_again(database: Database) -> None:
    official_table(database)
    for id_ in ("1", "9", "10", "9999999999", "x", "007"):
        put(database, id=id_, user_name=f"legacy {id_}", access_token="a")
    with open_store(database.url) as store:
        fresh = {store.save_token(Token(user_name=f"u{n}", access_token="a")).id for n in range(20)}
        assert len(fresh) == 20
        assert all(id_ and id_.isdecimal() and len(id_) <= 10 for id_ in fresh)
        assert len(store.get_tokens()) == 26


def test_ids_that_another_program_gives_meanwhile_are_gone_round(database: Database) -> None:
    with open_store(database.url) as store:
        for n in range(1, 40, 2):
            put(database, id=str(n), user_name=f"foreign {n}", access_token="a")
            store.save_token(Token(user_name=f"ours {n}", access_token="a"))
        assert len({token.id for token in store.get_tokens()}) == 40


def test_another_character_set_holds_what_it_can_and_refuses_the_rest(mariadb: Database) -> None:
    official_table(mariadb, end="CHARACTER SET latin1")
    with open_store(mariadb.url) as store:
        saved = store.save_token(Token(user_name="Zoë", access_token="a"))
        assert store.find_token(Token(user_name="Zoë")) == saved
        assert store.find_users("Zoë") == [saved]
        for name in ("Zoë \U0001f511", "Zoe", "\u4e2d", "ZOË"):
            assert store.find_token(Token(user_name=name)) is None
        with pytest.raises(StoreError, match="cannot hold one of the values"):
            store.save_token(Token(user_name="Zoë \U0001f511", access_token="b"))
        assert store.get_tokens() == [saved]


def test_a_database_of_another_character_set(postgresql: Database) -> None:
    name = f"{postgresql.name}_latin1"
    postgresql.server.execute(
        f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    url = postgresql.url.replace(postgresql.name, name)
    try:
        with open_store(url) as store:
            saved = store.save_token(Token(user_name="Zoë", access_token="a"))
            assert store.find_token(Token(user_name="Zoë")) == saved
            with pytest.raises(StoreError, match="cannot hold one of the values"):
                store.save_token(Token(user_name="\U0001f511", access_token="b"))
            assert store.get_tokens() == [saved]
    finally:
        postgresql.server.execute(f"DROP DATABASE {name}")


def test_nothing_is_cut_short_where_the_server_would(mariadb: Database) -> None:
    official_table(mariadb, end="CHARACTER SET utf8mb4")
    mariadb.execute("SET GLOBAL sql_mode = ''")
    try:
        with open_store(mariadb.url) as store:
            for name in ("x" * 256, "x" * 255 + " ", "\U0001f511" * 256):
                with pytest.raises(StoreError, match="longer than the 255 characters"):
                    store.save_token(Token(user_name=name, access_token="a"))
                assert store.find_token(Token(user_name=name)) is None
            assert store.get_tokens() == []
            name = "\U0001f511" * 255
            saved = store.save_token(Token(user_name=name, access_token="x" * 255))
            assert store.find_token(Token(user_name=name)) == saved
    finally:
        mariadb.execute("SET GLOBAL sql_mode = DEFAULT")


def test_a_zero_character_is_refused_where_it_cannot_be_kept(postgresql: Database) -> None:
    with open_store(postgresql.url) as store:
        with pytest.raises(StoreError, match="user_name contains a zero character"):
            store.save_token(Token(user_name="a\0b", access_token="a"))
        assert store.find_token(Token(user_name="a\0b")) is None
        assert store.get_tokens() == []


def test_ids_that_the_table_takes_for_one_another_are_refused(mariadb: Database) -> None:
    official_table(mariadb, end="COLLATE utf8mb4_general_ci")
    with open_store(mariadb.url) as store:
        store.save_token(Token(id="tenant", user_name="a", access_token="a"))
        for id_ in ("TENANT", "tenant "):
            assert store.find_token_by_id(id_) is None
            with pytest.raises(StoreError, match="takes the id for that of another row"):
                store.save_token(Token(id=id_, user_name=id_, access_token="b"))
            with pytest.raises(StoreError):
                store.delete_token(id_)
        assert len(store.get_tokens()) == 1


def test_the_indexes_serve_every_lookup(database: Database) -> None:
    with open_store(database.url) as store:
        for n in range(300):
            store.save_token(grant(f"user{n}"))
    database.execute(
        "ANALYZE TABLE oauthtoken" if "mysql" in database.url else "ANALYZE oauthtoken"
    )
    name = "user_name" if "mysql" in database.url else 'lower(user_name COLLATE "C")'
    for condition in (
        "id = '7'",
        f"{name} = 'user7@example.com:60001' AND client_id = '1000.APP'",
        f"{name} = 'user7@example.com' OR {name} LIKE 'user7@example.com:%' ESCAPE '/'",
        "access_token = 'x'",
        "refresh_token = 'x' AND client_id = '1000.APP'",
        "grant_token = 'x' AND client_id = '1000.APP'",
    ):
        plan = database.execute(f"EXPLAIN SELECT * FROM oauthtoken WHERE {condition}")
        text = " ".join(str(part) for row in plan for part in row)
        assert "Seq Scan" not in text, condition
        assert " ALL " not in text, condition


def test_a_complete_table_is_opened_without_a_word_and_without_a_change(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "evergrant")
    open_store(database.url).close()
    with elsewhere(database) as other:
        # Whoever holds a row cannot keep others from opening: they change nothing.
        other.exec_driver_sql("SELECT * FROM oauthtoken")
        open_store(database.url).close()
    assert caplog.messages == []


def test_a_store_that_is_only_read_changes_nothing(database: Database) -> None:
    with pytest.raises(StoreMissing):
        open_store(database.url, read_only=True)
    official_table(database)
    put(database, **THEIRS)
    with open_store(database.url, read_only=True) as store:
        found = store.find_token(Token(user_name="theirs"))
        assert found is not None
        assert store.get_tokens() == [found]
        for change in (lambda: store.save_token(found), lambda: store.delete_token("7")):
            with pytest.raises(StoreUnavailable, match="is read-only"):
                change()
        with store.lease("7", 1) as hint:
            assert hint
        assert set(store.stored_fields) == {
            "expires_at" if name == "expiry_time" else name for name in OFFICIAL_COLUMNS
        }
    assert columns_of(database) == list(OFFICIAL_COLUMNS)
    assert columns_of(database, "evergrant_counter") == []


def test_a_table_is_told_from_others_however_it_is_reached(database: Database) -> None:
    elsewhere_url = database.url.replace("127.0.0.1", "localhost")
    with (
        open_store(database.url) as store,
        open_store(elsewhere_url, read_only=True) as same,
        open_store(f"{database.url}?table=other") as other,
    ):
        assert store.storage_id() == same.storage_id() != other.storage_id()


def test_an_official_table_that_counts_case_finds_addresses_in_any(database: Database) -> None:
    collation = "utf8mb4_bin" if "mysql" in database.url else '"C"'
    columns = ", ".join(
        f"{name} varchar(255)" + f" COLLATE {collation}" * (name == "user_name")
        for name in OFFICIAL_COLUMNS[1:]
    )
    database.execute(f"CREATE TABLE oauthtoken (id varchar(10) PRIMARY KEY, {columns})")
    database.execute(
        "INSERT INTO oauthtoken (id, user_name, refresh_token) VALUES ('7', 'Me@X.com:1', 'r')"
    )
    with open_store(database.url) as store:
        assert [token.id for token in store.find_users("me@x.COM")] == ["7"]
        found = store.find_token(Token(user_name="mE@x.com:1"))
        assert found is not None
        assert (found.id, found.user_name) == ("7", "Me@X.com:1")
