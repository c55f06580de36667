"""Any sequence of calls from two clients: every store does what a plain dictionary does."""

from __future__ import annotations

import os
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from evergrant._crypto.keys import Key, Keyring
from evergrant.clock import Clock
from evergrant.stores import open_store
from evergrant.stores.adapter.six_methods import SixMethodStore
from evergrant.stores.base import TokenStore
from evergrant.stores.leases import Lease
from evergrant.stores.list import ListStore
from evergrant.stores.memory import MemoryStore
from evergrant.token import Secret, Token
from tests.support.example_counts import rounds
from tests.support.servers.databases import Database
from tests.support.servers.poolers import Pooled
from tests.support.servers.redis_servers import Redis
from tests.support.stores.six_methods import OfficialColumns, Plain
from tests.support.stores.store_client import Client, ticking
from tests.support.stores.store_model import Model, a_login, a_token

Make = Callable[[str, Clock], TokenStore]
"""Opens a store, in a folder where it has files."""

users = st.sampled_from(["alice", "Alice", "alice:9", "bob'"])
apps = st.sampled_from(["c1", "c2"])
few = st.integers(min_value=0, max_value=3)
hands = st.integers(min_value=0, max_value=1)
chosen_ids = st.sampled_from(["7", "tenant-1", "0012", "1000000000", "ö; --"])
keys = st.sampled_from(["budget", "code"])
texts = st.sampled_from(["", "fail", "1", "two\nlines", "ö" * 100])
scopes = count()


class Asked(NamedTuple):
    """A lease that a client asked for, through the handle that it had then."""

    client: Client
    store: TokenStore
    id: str
    lease: Lease


class StoreMachine(RuleBasedStateMachine):
    """Two clients of one storage, each with tokens that it read or saved however long ago."""

    copies: Bundle[Token] = Bundle("copies")
    leases: Bundle[Asked] = Bundle("leases")

    def __init__(self, make: Make, *, is_shared: bool, within: float) -> None:
        super().__init__()
        self.make, self.is_shared, self.within = make, is_shared, within
        self.folder, self.clock = tempfile.TemporaryDirectory(), ticking()
        self.model = Model()
        first = Client(self.open(), self.model, f"{next(scopes)} ")
        second = replace(first, store=first.store if is_shared else self.open())
        self.clients = [first, second]
        self.seen = [self.sight(client) for client in self.clients]

    def open(self) -> TokenStore:
        return self.make(self.folder.name, self.clock)

    def sight(self, client: Client) -> tuple[dict[str, Token], int | None]:
        return dict(self.model.rows), client.store.change_counter()

    def teardown(self) -> None:
        for client in self.clients:
            client.store.close()
        self.folder.cleanup()

    @initialize()
    def begin_without_tokens(self) -> None:
        self.clients[0].clear()

    @rule(target=copies, by=hands, user=users, app=apps, grant=few, hour=few)
    def save(self, by: int, user: str, app: str, grant: int, hour: int) -> Any:
        return kept(self.clients[by].save(a_token(user, app, grant, hour)))

    @rule(target=copies, by=hands, user=users, app=apps, grant=few, hour=few, id_=chosen_ids)
    def save_as(self, by: int, user: str, app: str, grant: int, hour: int, id_: str) -> Any:
        return kept(self.clients[by].save(replace(a_token(user, app, grant, hour), id=id_)))

    @rule(target=copies, by=hands, user=users, app=apps, grant=few, hour=few, beside=few)
    def compare_and_swap(
        self, by: int, user: str, app: str, grant: int, hour: int, beside: int
    ) -> Any:
        new = a_token(user, app, grant, hour)
        row = self.model.of_user(new)
        return kept(self.clients[by].save(new, (row.version if row else 0) + beside // 3))

    @rule(target=copies, by=hands, number=few, app=apps, hour=few)
    def log_in(self, by: int, number: int, app: str, hour: int) -> Any:
        return kept(self.clients[by].save(a_login(number, app, hour)))

    @rule(target=copies, by=hands, copy=copies, user=users, compare=st.booleans())
    def name(self, by: int, copy: Token, user: str, *, compare: bool) -> Any:
        named = replace(copy, user_name=copy.user_name or user)
        return kept(self.clients[by].save(named, copy.version if compare else None))

    @rule(target=copies, by=hands, copy=copies, hour=few, compare=st.booleans())
    def refresh(self, by: int, copy: Token, hour: int, *, compare: bool) -> Any:
        again = a_token(copy.user_name or f"{copy.refresh_token!s}", copy.client_id or "", 0, hour)
        new = replace(copy, access_token=again.access_token, expires_at=again.expires_at)
        return kept(self.clients[by].save(new, copy.version if compare else None))

    @rule(target=copies, by=hands, copy=copies)
    def read(self, by: int, copy: Token) -> Any:
        return kept(self.clients[by].read_by_id(str(copy.id)))

    @rule(by=hands, copy=copies)
    def delete(self, by: int, copy: Token) -> None:
        self.clients[by].delete(str(copy.id))

    @rule(by=hands)
    def clear(self, by: int) -> None:
        self.clients[by].clear()

    @rule(by=hands, user=users)
    def look(self, by: int, user: str) -> None:
        self.clients[by].look()
        self.clients[by].look_up(user)

    @rule(target=leases, by=hands, id_=chosen_ids)
    def lease(self, by: int, id_: str) -> Asked:
        client = self.clients[by]
        return Asked(client, client.store, id_, client.lease(id_))

    @rule(asked=leases)
    def extend(self, asked: Asked) -> None:
        if asked.client.store is asked.store:  # not closed since
            asked.client.extend(asked.id, asked.lease)

    @rule(asked=leases)
    def release(self, asked: Asked) -> None:
        if asked.client.store is asked.store:
            asked.client.release(asked.id, asked.lease)

    @rule(by=hands, key=keys, text=texts)
    def amend(self, by: int, key: str, text: str) -> None:
        self.clients[by].amend(key, text)

    @rule(by=hands)
    def reopen(self, by: int) -> None:
        if not self.is_shared:
            self.clients[by].store.close()
            self.clients[by].store = self.open()

    @invariant()
    def all_is_there_and_nothing_else(self) -> None:
        for by, client in enumerate(self.clients):
            assert {token.id: token for token in client.store.get_tokens()} == self.model.rows
            rows, generation = self.seen[by]
            latest = time.monotonic() + self.within
            while (
                rows != self.model.rows and None is not generation == client.store.change_counter()
            ):
                assert time.monotonic() < latest, "the store changed, and its generation did not"
                time.sleep(0.001)
            self.seen[by] = self.sight(client)


def kept(token: Token | None) -> Any:
    return token or multiple()


class RowsMachine(StoreMachine):
    """The same without leases and notes, of a storage that shares only rows."""

    lease = extend = release = amend = None  # type: ignore[assignment]


def run(
    make: Make,
    examples: int,
    *,
    is_shared: bool,
    within: float = 0.0,
    machine: type[StoreMachine] = StoreMachine,
) -> None:
    """Play the machine.

    Args:
        within: By when a client must have heard of another's change, in seconds.
    """

    def begin() -> StoreMachine:
        return machine(make, is_shared=is_shared, within=within)

    run_state_machine_as_test(
        begin,  # type: ignore[arg-type]
        settings=rounds(examples, stateful_step_count=25),
    )


OF_ONE_PROCESS: dict[str, Make] = {
    "memory": lambda _, clock: MemoryStore(clock=clock),
    "list": lambda _, clock: ListStore(clock=clock),
    "sqlite": lambda _, clock: open_store("sqlite:///:memory:", clock=clock),
    "six methods": lambda _, clock: SixMethodStore(Plain(), clock=clock),
    "six methods on ten columns": lambda _, clock: SixMethodStore(OfficialColumns(), clock=clock),
}
KEYS = Keyring([Key(Secret(b64encode(os.urandom(32)).decode())) for _ in range(2)])
IN_FILES: dict[str, Make] = {
    "sqlite": lambda folder, clock: open_store(f"sqlite:///{folder}/tokens.db", clock=clock),
    "file": lambda folder, clock: open_store(f"file://{folder}/tokens.csv", clock=clock),
    "encrypted sqlite": lambda folder, clock: open_store(
        f"sqlite:///{folder}/tokens.db", clock=clock, keys=KEYS
    ),
}


@pytest.mark.parametrize("kind", OF_ONE_PROCESS)
def test_a_store_of_one_process_does_what_a_dictionary_does(kind: str) -> None:
    run(OF_ONE_PROCESS[kind], 40, is_shared=True)


@pytest.mark.parametrize("kind", IN_FILES)
def test_a_store_in_a_file_does_what_a_dictionary_does(kind: str) -> None:
    run(IN_FILES[kind], 25, is_shared=False)


def test_a_database_does_what_a_dictionary_does(database: Database) -> None:
    run(lambda _, clock: open_store(database.url, clock=clock), 8, is_shared=False)


def test_a_database_behind_a_pooler_does_what_a_dictionary_does(pgbouncer: Pooled) -> None:
    run(lambda _, clock: open_store(pgbouncer.url, clock=clock), 8, is_shared=False)


def test_a_redis_does_what_a_dictionary_does(redis_server: Redis) -> None:
    def make(folder: str, clock: Clock) -> TokenStore:
        return open_store(redis_server.place(prefix=Path(folder).name), clock=clock)

    run(make, 8, is_shared=False, within=1.0)


def test_an_encrypted_redis_does_what_a_dictionary_does(redis_server: Redis) -> None:
    def make(folder: str, clock: Clock) -> TokenStore:
        where = redis_server.place(prefix=Path(folder).name)
        return open_store(where, clock=clock, keys=KEYS)

    run(make, 4, is_shared=False, within=1.0)


@pytest.mark.parametrize("keys", [None, KEYS], ids=["plain", "encrypted"])
def test_a_table_in_dynamodb_does_what_a_dictionary_does(
    dynamodb_url: str, keys: Keyring | None
) -> None:
    run(lambda _, clock: open_store(dynamodb_url, clock=clock, keys=keys), 2, is_shared=False)


@pytest.mark.parametrize("keys", [None, KEYS], ids=["plain", "encrypted"])
def test_secrets_manager_does_with_rows_what_a_dictionary_does(
    secrets_url: str, keys: Keyring | None
) -> None:
    def make(_: str, clock: Clock) -> TokenStore:
        return open_store(secrets_url, clock=clock, keys=keys)

    run(make, 2, is_shared=False, machine=RowsMachine)
