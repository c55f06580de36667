"""Moving between stores: nothing lost, nothing doubled, and no word of a store is taken for it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant.errors import ConfigError
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.stores.list import ListStore
from evergrant.stores.memory import MemoryStore
from evergrant.stores.rows import encode
from evergrant.token import Token
from evergrant.transfer import copy, move
from tests.support.stores.sqlite_store import SeedStore, execute, seed_token
from tests.support.stores.transfer import contents, many, outcomes, user_token

URLS = ["memory:", "list:", "file://{folder}/{name}.csv", "sqlite:///{folder}/{name}.db"]
"""Every kind of store; a new one is a line here."""

Opener = Callable[[str, str], TokenStore]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Open a store by its URL, under a name that no other test has."""
    with ExitStack() as stack:
        yield lambda url, name: stack.enter_context(
            open_store(url.format(folder=tmp_path, name=name))
        )


@pytest.fixture(params=URLS)
def source(request: pytest.FixtureRequest, opened: Opener) -> TokenStore:
    return opened(request.param, "source")


@pytest.fixture(params=URLS)
def target(request: pytest.FixtureRequest, opened: Opener) -> TokenStore:
    return opened(request.param, "target")


def test_everything_arrives_with_its_id_and_again_is_nothing_new(
    source: TokenStore, target: TokenStore
) -> None:
    for token in many(40):
        source.save_token(token)
    before = source.get_tokens()
    assert outcomes(move(source, target, dry_run=True)) == {"new": 40}
    assert target.get_tokens() == []
    assert outcomes(move(source, target)) == {"new": 40}
    assert contents(target) == contents(source)
    assert {token.id for token in target.iter_tokens()} == {token.id for token in before}
    assert outcomes(move(source, target)) == {"same": 40}
    assert len(target.get_tokens()) == 40
    assert source.get_tokens() == before


def test_what_was_deleted_from_the_source_is_in_the_target(
    source: TokenStore, target: TokenStore
) -> None:
    for token in many(20):
        source.save_token(token)
    before = contents(source)
    moves = list(move(source, target, delete_source=True))
    assert all(moved.deleted and moved.verified for moved in moves)
    assert source.get_tokens() == []
    assert contents(target) == before


def test_a_thousand_tokens(opened: Opener) -> None:
    source, target = opened("memory:", "a"), opened(URLS[-1], "b")
    for token in many(1000):
        source.save_token(token)
    assert outcomes(move(source, target)) == {"new": 1000}
    assert contents(target) == contents(source)


MOVER = """
import sys
from evergrant.transfer import move
from evergrant.stores import open_store

source, target, delete_source = sys.argv[1:]
with open_store(source) as source, open_store(target) as target:
    for number, moved in enumerate(move(source, target, delete_source=bool(delete_source))):
        print(moved.id, flush=True)
        if number == 900:
            sys.stdin.read()  # however slow our parent is, the end comes before the last token
"""


@pytest.mark.parametrize("delete_source", ["", "yes"])
def test_killed_in_the_middle_and_run_again(
    opened: Opener, tmp_path: Path, delete_source: str
) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("source", "target")]
    source = opened(urls[0], "source")
    for token in many(1000):
        source.save_token(token)
    before = contents(source)
    with subprocess.Popen(
        [sys.executable, "-c", MOVER, *urls, delete_source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        told = [process.stdout.readline().strip() for _ in range(300)]
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    target = opened(urls[1], "target")
    arrived = {token.id for token in target.iter_tokens()}
    assert set(told) <= arrived
    assert len(arrived) < 1000
    assert contents(source) | contents(target) == before
    again = outcomes(move(source, target, delete_source=bool(delete_source)))
    assert again["new"] == 1000 - len(arrived)
    assert contents(target) == before
    assert len(target.get_tokens()) == 1000
    assert contents(source) == (set() if delete_source else before)


class OfficialTable(MemoryStore):
    """Has the official columns only, and ids as short."""

    stored_fields = Token.__slots__[:10]
    id_width = 10

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        bare = replace(token, scopes=(), org_id=None, created_at=None)
        return super().save_token(bare, expected_version=expected_version)


def test_what_the_target_cannot_hold_is_not_missed() -> None:
    with MemoryStore() as source, OfficialTable() as target:
        source.save_token(user_token("alice"))
        assert outcomes(move(source, target)) == {"new": 1}
        assert outcomes(move(source, target)) == {"same": 1}


def test_an_id_that_is_taken_or_does_not_fit_is_another_one_there() -> None:
    with MemoryStore() as source, OfficialTable() as target:
        theirs = target.save_token(user_token("bob", id="7"))
        for token in (user_token("alice", id="7"), user_token("carol", id="tenant-of-carol")):
            source.save_token(token)
        dry = {moved.id: moved.target_id for moved in move(source, target, dry_run=True)}
        assert dry == {"7": None, "tenant-of-carol": None}
        given = {moved.id: moved.target_id for moved in move(source, target)}
        assert "7" not in given.values()
        assert None not in given.values()
        assert target.find_token_by_id("7") == theirs
        again = {moved.id: moved.target_id for moved in move(source, target)}
        assert again == given
        assert len(target.get_tokens()) == 3


def test_one_new_id_does_not_push_out_all_that_follow(
    source: TokenStore, target: TokenStore
) -> None:
    target.save_token(user_token("bob", id="tenant0"))
    for token in many(40):
        source.save_token(token)
    moves = list(move(source, target))
    assert [moved.user for moved in moves if moved.id != moved.target_id] == [
        "u0@example.com:60001"
    ]
    assert moves[-1].user == "u0@example.com:60001"
    assert len({moved.target_id for moved in moves}) == 40


def test_an_id_that_another_program_gave_twice_loses_nobody(target: TokenStore) -> None:
    with MemoryStore() as spare:
        rows = [list(encode(spare.save_token(user_token(who)))) for who in ("alice", "bob")]
    for row in rows:
        row[0] = "7"
    with ListStore(rows) as source:
        assert outcomes(move(source, target)) == {"new": 2}
        assert contents(source) == contents(target)
        assert outcomes(move(source, target)) == {"same": 2}


def test_a_corrupt_row_in_the_source_is_reported_and_stops_nothing(
    opened: Opener, tmp_path: Path
) -> None:
    source, target = opened(URLS[-1], "source"), opened("memory:", "target")
    for who in ("alice", "bob", "carol"):
        source.save_token(user_token(who))
    execute(tmp_path / "source.db", "update oauthtoken set expiry_time = 'noon' where id = '2'")
    moves = list(move(source, target, delete_source=True))
    assert [moved.outcome.value for moved in moves] == ["new", "corrupt", "new"]
    assert (moves[1].id, moves[1].user) == ("2", "bob@example.com:60001")
    assert "expiry_time" in moves[1].problem
    assert execute(tmp_path / "source.db", "select id from oauthtoken") == [("2",)]


def test_a_store_is_not_moved_onto_itself(opened: Opener, tmp_path: Path) -> None:
    store = opened(URLS[-1], "one")
    store.save_token(user_token("alice"))
    (tmp_path / "link.db").symlink_to(tmp_path / "one.db")
    again = opened(f"sqlite:///{tmp_path}/./link.db?timeout=1", "")
    for target in (store, again):
        with pytest.raises(ConfigError, match="same store"):
            list(move(store, target, delete_source=True))
    assert len(store.get_tokens()) == 1


def test_the_seeds_database_and_its_doubles(opened: Opener, tmp_path: Path) -> None:
    """The seed's table may hold a user twice: the fresher one arrives, whichever comes first."""
    path = tmp_path / "zohooauth.db"
    seed = SeedStore(str(path))
    seed.save_token(seed_token("alice"))
    execute(
        path,
        "insert into oauthtoken select 'old', user_name, client_id, client_secret, 'r0', 'a0', "
        "grant_token, '1893000000000', redirect_url, api_domain from oauthtoken",
    )
    with open_store(f"sqlite:///{path}", read_only=True) as source:
        for order in ("first", "last"):
            target = opened("memory:", order)
            tokens = source.get_tokens()
            moves = list(copy(tokens if order == "last" else tokens[::-1], target))
            assert all(moved.is_good for moved in moves)
            [there] = target.get_tokens()
            assert there.access_token == "planted-access-alice"
