"""A database that the seed's CustomStoreSQLite wrote, and goes on using beside ours."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evergrant.errors import Conflict
from evergrant.stores.rows import COLUMNS, OFFICIAL_COLUMNS
from evergrant.stores.sqlite import SQLiteStore
from evergrant.testing.sample_tokens import ALICE, BOB, NOON, grant, refreshed, stored_contents
from evergrant.token import Token
from tests.support.stores.sqlite_store import SeedStore, execute, finish, seed_token, start


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "zohooauth.db"


def columns(path: Path) -> list[str]:
    return [name for (name,) in execute(path, "SELECT name FROM pragma_table_info('oauthtoken')")]


def test_its_algorithm_is_reproduced_with_its_faults(path: Path) -> None:
    seed = SeedStore(path)
    for number in range(10):
        seed.save_token(seed_token(f"user{number}"))
    with pytest.raises(sqlite3.IntegrityError):
        seed.save_token(seed_token("the eleventh"))
    stolen = seed.find_token({"user_name": "zz' or '1'='1"})
    assert stolen["refresh_token"] == "planted-refresh-user0"
    with pytest.raises(sqlite3.OperationalError):
        seed.find_token({"user_name": "o'brien"})
    seed.delete_token("1 or 1=1")
    assert seed.get_tokens() == []


def test_every_field_of_its_rows_is_read(path: Path) -> None:
    SeedStore(path).save_token(seed_token("alice", grant_token="planted-grant"))
    with SQLiteStore(path) as store:
        assert store.get_tokens() == [
            Token(
                id="1",
                user_name="alice@example.com:60001",
                client_id="1000.APP",
                client_secret="planted-secret",
                refresh_token="planted-refresh-alice",
                access_token="planted-access-alice",
                grant_token="planted-grant",
                expires_at=datetime(2030, 1, 1, 12, tzinfo=UTC),
                redirect_url="https://app.example.com/callback",
                api_domain="https://www.zohoapis.eu",
            )
        ]


def test_its_table_keeps_its_columns_in_front_and_its_rows_as_they_are(path: Path) -> None:
    seed = SeedStore(path)
    for who in ("alice", "bob"):
        seed.save_token(seed_token(who))
    before = execute(path, "SELECT * FROM oauthtoken")
    with SQLiteStore(path):
        after = execute(path, "SELECT * FROM oauthtoken")
    assert columns(path) == list(COLUMNS)
    assert after == [row + (None,) * (len(COLUMNS) - len(OFFICIAL_COLUMNS)) for row in before]


def test_a_new_table_is_laid_out_like_its_own(path: Path) -> None:
    SQLiteStore(path).close()
    declared = "SELECT name, type, pk FROM pragma_table_info('oauthtoken') LIMIT 10"
    ours = execute(path, declared)
    path.unlink()
    SeedStore(path)
    assert ours == execute(path, declared)


def test_both_go_on_saving_the_same_rows_in_turns(path: Path) -> None:
    seed = SeedStore(path)
    with SQLiteStore(path) as store:
        saved = store.save_token(ALICE)
        seed.save_token(seed_token("bob"))
        assert seed.find_token({"user_name": ALICE.user_name})["access_token"] == ALICE.access_token

        seed.save_token(seed_token("alice", access_token="seed-refreshed"))
        seen = store.find_token(ALICE)
        assert seen == replace(
            saved,
            access_token="seed-refreshed",
            refresh_token="planted-refresh-alice",
            client_secret="planted-secret",
        )

        again = store.save_token(refreshed(BOB, refresh_token=None))
        bob = seed.find_token({"user_name": BOB.user_name})
        assert (bob["id"], bob["access_token"]) == (again.id, again.access_token)
        assert bob["refresh_token"] == "planted-refresh-bob"

        store.save_token(grant("carol"))
        seed.save_token(seed_token("dave"))
        names = {f"{who}@example.com:60001" for who in ("alice", "bob", "carol", "dave")}
        assert {token.user_name for token in store.get_tokens()} == names
        assert {row["user_name"] for row in seed.get_tokens()} == names

        seed.delete_token(str(saved.id))
        assert store.find_token_by_id(str(saved.id)) is None
        store.delete_token(str(again.id))
        assert seed.find_token({"user_name": BOB.user_name}) is None


def test_a_row_that_it_wrote_has_no_version_and_can_be_swapped_once(path: Path) -> None:
    SeedStore(path).save_token(seed_token("alice"))
    with SQLiteStore(path) as store:
        found = store.get_tokens()[0]
        assert found.version == 0
        anew = replace(found, access_token="refreshed", expires_at=NOON)
        assert store.save_token(anew, expected_version=0).version > 1
        with pytest.raises(Conflict):
            store.save_token(anew, expected_version=0)


@pytest.mark.parametrize("seed_ids", [["1", "2", "3"], ["9", "10"], ["41"], ["9999999998"]])
def test_ids_that_it_gave_are_not_given_again(path: Path, seed_ids: list[str]) -> None:
    seed = SeedStore(path)
    for id_ in seed_ids:
        seed.save_token(seed_token(f"seed{id_}", id=id_))
    with SQLiteStore(path) as store:
        ours = [str(store.save_token(grant(f"ours{n}")).id) for n in range(5)]
        assert len({*ours, *seed_ids}) == 5 + len(seed_ids)
        assert all(len(id_) <= 10 for id_ in ours)
        assert set(stored_contents(store)) == {*ours, *seed_ids}


def test_ids_that_it_gave_meanwhile_are_not_given_again_even_when_deleted(path: Path) -> None:
    with SQLiteStore(path) as store:
        first = store.save_token(grant("first")).id
        for id_ in ("2", "3", "4", "50"):
            SeedStore(path).save_token(seed_token(f"seed{id_}", id=id_))
        assert (first, store.save_token(grant("second")).id) == ("1", "51")
        SeedStore(path).save_token(seed_token("late", id="70"))
        store.delete_token("70")
        SeedStore(path).save_token(seed_token("later", id="90"))
        assert store.save_token(grant("third")).id == "71"
        store.delete_tokens()
        assert store.save_token(grant("fourth")).id == "91"


def test_ids_of_the_oldest_sdk_are_kept_and_not_counted(path: Path) -> None:
    seed = SeedStore(path)
    for id_ in ("python_me_PRD_abcd", "12abc", "1e9", "-5", "\u0663"):
        seed.save_token(seed_token(f"old{id_}", id=id_))
    with SQLiteStore(path) as store:
        assert store.save_token(ALICE).id == "1"
        old = store.find_token_by_id("python_me_PRD_abcd")
        assert old is not None
        assert store.save_token(replace(old, access_token="b", version=0)).id == old.id
        assert seed.find_token_by_id(old.id)["access_token"] == "b"


def test_after_the_largest_id_there_is_ids_stay_short_and_free(path: Path) -> None:
    SeedStore(path).save_token(seed_token("last", id="9999999999"))
    with SQLiteStore(path) as store:
        ids = {str(store.save_token(grant(f"user{n}")).id) for n in range(100)}
        assert len(ids) == 100
        assert all(id_.isdecimal() and len(id_) <= 10 for id_ in ids)
        assert "9999999999" not in ids


def test_opening_a_complete_database_writes_nothing(path: Path) -> None:
    SQLiteStore(path).close()
    with SQLiteStore(path) as store:
        before = store.change_counter()
        SQLiteStore(path).close()
        assert store.change_counter() == before


def test_two_tables_in_one_file_do_not_mix(path: Path) -> None:
    with SQLiteStore(path) as first, SQLiteStore(path, table="other_tokens") as second:
        first.save_token(ALICE)
        assert second.save_token(BOB).id == "1"
        assert first.lease("1", 60)
        assert second.lease("1", 60)
        second.delete_tokens()
        assert second.get_tokens() == []
        assert [token.user_name for token in first.get_tokens()] == [ALICE.user_name]
        assert not first.lease("1", 60)
        assert second.lease("1", 60)


def test_a_tables_name_ignores_case_as_in_sqlite(path: Path) -> None:
    with SQLiteStore(path) as first, SQLiteStore(path, table="OAuthToken") as second:
        ids = [first.save_token(ALICE).id, second.save_token(BOB).id]
        assert ids == ["1", "2"]
        assert len(first.get_tokens()) == 2


def test_other_tables_in_the_file_are_left_alone(path: Path) -> None:
    execute(path, "CREATE TABLE diary (day text)", "INSERT INTO diary VALUES ('monday')")
    with SQLiteStore(path) as store:
        store.save_token(ALICE)
        store.delete_tokens()
    assert execute(path, "SELECT * FROM diary") == [("monday",)]


OPEN = """
print("ready", flush=True)
sys.stdin.readline()
with SQLiteStore(sys.argv[1]) as store:
    print(store.save_token(grant(sys.argv[2])).id)
"""


@pytest.mark.parametrize("old", [False, True], ids=["a new file", "the seed's file"])
def test_processes_that_open_a_file_at_the_same_moment_all_succeed(
    path: Path, *, old: bool
) -> None:
    if old:
        SeedStore(path).save_token(seed_token("alice"))
    programs = [start(OPEN, path, f"user{number}") for number in range(4)]
    for program in programs:
        assert program.stdout
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin
        program.stdin.write("go\n")
        program.stdin.flush()
    ids = {finish(program).strip() for program in programs}
    assert ids == {str(number + old) for number in range(1, 5)}


@pytest.mark.parametrize(
    "criterion",
    [
        Token(user_name="u"),
        Token(user_name="u", client_id="c"),
        Token(access_token="a"),
        Token(client_id="c", client_secret="s", grant_token="g"),
        Token(client_id="c", client_secret="s", refresh_token="r"),
    ],
    ids=lambda token: "+".join(name for name in OFFICIAL_COLUMNS[1:7] if getattr(token, name)),
)
def test_no_look_up_reads_the_whole_table(path: Path, criterion: Token) -> None:
    with SQLiteStore(path) as store:
        statements: list[str] = []
        connection = store._connections.acquire()
        connection.set_trace_callback(statements.append)
        store.find_token(criterion)
        store.find_users("alice@example.com")
        store.find_token_by_id("1")
        connection.set_trace_callback(None)
        connection.lock.release()
    assert len(statements) == 3
    plans = [line for text in statements for line in execute(path, f"EXPLAIN QUERY PLAN {text}")]
    details = [detail for *_, detail in plans]
    assert not [detail for detail in details if "SCAN" in detail]
    assert sum("USING INDEX" in detail for detail in details) == 4
