"""Two clients of one storage take turns in the middle of what they do: nothing gets lost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evergrant import Accounts, Keeper, TokenStore, open_store
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant.errors import LoginRequired, OAuthError, TokenNotFound
from evergrant.sandbox import Sandbox
from tests.support.concurrency.turns import Turns
from tests.support.example_counts import rounds
from tests.support.servers.databases import Database
from tests.support.stores.store_client import Client, ticking
from tests.support.stores.store_model import Model, a_token

turns_of = st.lists(st.integers(0, 20), max_size=6)


class Act(NamedTuple):
    """Something that a client does with the token of one of two users."""

    what: str
    user: str
    hour: int


acts = st.builds(
    Act,
    st.sampled_from(["read", "swap", "swap", "save", "save as", "delete", "look"]),
    st.sampled_from(["alice", "bob"]),
    st.integers(0, 3),
)
scripts = st.lists(acts, min_size=1, max_size=5)


def play(client: Client, script: list[Act]) -> None:
    """Act in turn; a swap is of what this client has read before."""
    known = {user: a_token(user, "c1", 0, 0) for user in ("alice", "bob")}
    for what, user, hour in script:
        new = a_token(user, "c1", 1, hour)
        if what == "read":
            known[user] = client.read(new) or new
        elif what == "swap":
            old = known[user]
            refreshed = replace(old, access_token=new.access_token, expires_at=new.expires_at)
            known[user] = client.save(refreshed, old.version) or old
        elif what == "save":
            client.save(new)
        elif what == "save as":
            client.save(replace(new, id="own"))
        elif what == "delete":
            client.delete(known[user].id or "own")
        else:
            client.look_up(user)


def interleave(
    open_: Callable[[], TokenStore], runs: list[int], one: list[Act], other: list[Act]
) -> None:
    turns, model = Turns(runs), Model()
    with open_() as first, open_() as second:
        first.delete_tokens()
        clients = [Client(store, model) for store in (first, second)]
        clients[0].save(a_token("alice", "c1", 1, 0))
        for client in clients:
            turns.before_each_statement(client.store)
        turns.run(lambda: play(clients[0], one), lambda: play(clients[1], other))
    with open_() as store:
        Client(store, model).look()


READ, SWAP, DELETE = (Act(what, "alice", 2) for what in ("read", "swap", "delete"))
AS_OWN = Act("save as", "alice", 1)


@pytest.mark.parametrize("url", ["sqlite:///{}/tokens.db", "file://{}/tokens.csv"])
@rounds(25)
@given(runs=turns_of, one=scripts, other=scripts)
@example([], [READ, SWAP], [READ, SWAP])
@example([2, 9, 2], [READ, SWAP, READ], [READ, DELETE, AS_OWN])
def test_two_clients_of_a_file(url: str, runs: list[int], one: list[Act], other: list[Act]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = ticking()
        interleave(lambda: open_store(url.format(folder), clock=clock), runs, one, other)


@rounds(6)
@given(runs=turns_of, one=scripts, other=scripts)
@example([], [READ, SWAP], [READ, SWAP])
def test_two_clients_of_a_database(
    database: Database, runs: list[int], one: list[Act], other: list[Act]
) -> None:
    clock = ticking()
    interleave(lambda: open_store(database.url, clock=clock), runs, one, other)


users = count()
wishes = st.lists(
    st.sampled_from(["token", "token", "refresh", "revoke", "forget", "log in", "hours"]),
    min_size=1,
    max_size=4,
)


@pytest.fixture
def stepped(zoho: Sandbox, tmp_path: Path) -> Iterator[Callable[[Turns], Keeper]]:
    """Make a Keeper on a handle of its own, which stands before each call and each request."""
    opened: list[TokenStore] = []

    def new(turns: Turns) -> Keeper:
        store = open_store(f"sqlite:///{tmp_path}/tokens.db", clock=zoho.clock)
        opened.append(store)

        def send(call: HttpRequest) -> HttpResponse:
            turns.point()
            answer = zoho.send(call)
            turns.point()
            return HttpResponse(answer.status, answer.headers, answer.body)

        accounts = Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            data_centers=zoho.data_centers,
            clock=zoho.clock,
            send=send,
        )
        keeper = Keeper(store, accounts, lifeboat=tmp_path / "boat")
        turns.before_each_call(store)
        return keeper

    yield new
    for store in opened:
        store.close()


def grant(zoho: Sandbox, keeper: Keeper, user: str) -> None:
    keeper.login_with_code(zoho.grant_code(user, self_client=True))


def fulfil(zoho: Sandbox, keeper: Keeper, user: str, wanted: list[str], done: list[str]) -> None:
    """Do what is wished for; note what succeeded."""
    for wish in wanted:
        try:
            if wish == "token":
                keeper.access_token(user)
            elif wish == "refresh":
                keeper.refresh(user)
            elif wish == "revoke":
                keeper.revoke(user)
            elif wish == "forget":
                keeper.forget(user)
            elif wish == "log in":
                grant(zoho, keeper, user)
            else:
                zoho.clock.advance(hours=2)
        except (TokenNotFound, LoginRequired):
            continue
        except OAuthError:
            assert wish == "log in", "only a login can come too late"
            continue
        done.append(wish)


@rounds(40)
@given(runs=turns_of, one=wishes, other=wishes)
def test_two_keepers(
    zoho: Sandbox,
    stepped: Callable[[Turns], Keeper],
    runs: list[int],
    one: list[str],
    other: list[str],
) -> None:
    check(zoho, stepped, runs, one, other)


@pytest.mark.parametrize("meanwhile", [["forget"], ["revoke"], ["revoke", "log in"], ["refresh"]])
def test_a_refresh_that_another_interrupts_at_any_point(
    zoho: Sandbox, stepped: Callable[[Turns], Keeper], meanwhile: list[str]
) -> None:
    for points in range(1, 24):
        check(zoho, stepped, [points, 99], ["refresh"], meanwhile)


def check(
    zoho: Sandbox,
    stepped: Callable[[Turns], Keeper],
    runs: list[int],
    one: list[str],
    other: list[str],
) -> None:
    user, turns, done = f"user{next(users)}@example.com", Turns(runs), list[str]()
    zoho.add_user(user)
    zoho.clock.advance(hours=2)
    keepers = [stepped(turns), stepped(turns)]
    grant(zoho, keepers[0], user)
    zoho.calls.clear()
    turns.run(
        lambda: fulfil(zoho, keepers[0], user, one, done),
        lambda: fulfil(zoho, keepers[1], user, other, done),
    )
    asked = zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token")
    if {"token", "hours"}.issuperset(one + other):
        assert asked <= done.count("hours"), "two refreshed at once"
    rows = keepers[0].store.find_users(user)
    assert len(rows) <= 1
    is_deleted = bool({"revoke", "forget"}.intersection(done))
    assert rows or is_deleted
    if is_deleted and "log in" not in done:
        assert not rows, "a deleted token came back"
    if rows:
        zoho.clock.advance(hours=2)
        keepers[1].refresh(user)  # what is stored is the grant that lives
