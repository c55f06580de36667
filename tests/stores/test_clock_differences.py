"""Hosts whose clocks differ share a storage: leases, notes and deletions hold all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant.clock import Clock, utc_now
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE, BOB
from tests.support.servers.databases import Database

DAY = timedelta(days=1)
OFF = [DAY, -DAY, 365 * DAY, -365 * DAY, timedelta(minutes=4)]
LIFE = 3_600.0

LOCAL = ["sqlite", "file"]
SERVERS = ["mariadb", "postgresql", "redis", "dynamodb", "secrets"]


def off(by: timedelta) -> Clock:
    return lambda: utc_now() + by


class Place:
    """One storage, for hosts with clocks of their own."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.url, self._stack = url, stack

    def open(self, by: timedelta = timedelta(0)) -> TokenStore:
        return self._stack.enter_context(open_store(self.url, clock=off(by)))


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    kind = request.param
    if kind in LOCAL:
        url = {"sqlite": f"sqlite:///{tmp_path}/t.db", "file": f"file://{tmp_path}/t.csv"}[kind]
    elif kind in ("mariadb", "postgresql"):
        database: Database = request.getfixturevalue(kind)
        url = database.url
    else:
        url = request.getfixturevalue(
            {"redis": "redis_url", "dynamodb": "dynamodb_url", "secrets": "secrets_url"}[kind]
        )
    with ExitStack() as stack:
        yield Place(url, stack)


@pytest.mark.parametrize("place", SERVERS, indirect=True)
def test_a_server_tells_its_time(place: Place) -> None:
    for by in (timedelta(0), 365 * DAY):
        told = place.open(by).storage_time()
        assert told
        assert told.tzinfo
        assert abs(told - utc_now()) < timedelta(seconds=5)


@pytest.mark.parametrize("place", LOCAL, indirect=True)
def test_a_storage_of_this_host_has_no_other_time(place: Place) -> None:
    assert place.open().storage_time() is None


@pytest.mark.parametrize("by", OFF)
@pytest.mark.parametrize("place", [*LOCAL, *SERVERS], indirect=True)
def test_deleting_all_is_known_whoever_deleted(place: Place, by: timedelta) -> None:
    here, there = place.open(), place.open(by)
    mine, theirs = here.save_token(ALICE), there.save_token(BOB)
    there.delete_tokens()
    assert here.was_deleted(mine)
    assert there.was_deleted(mine)
    assert here.was_deleted(theirs)
    # Of later logins, neither is given up: each with its own clock.
    for store, token in ((here, ALICE), (there, BOB)):
        later = store.save_token(replace(token, refresh_token="of a later login"))
        if later.version < 1 << 22:  # an id that the storage gave, and never gives again
            assert not here.was_deleted(later)
            assert not there.was_deleted(later)


@pytest.mark.parametrize("by", OFF)
@pytest.mark.parametrize("place", SERVERS[:4], indirect=True)
def test_notes_are_kept_for_their_time_whoever_notes_and_purges(
    place: Place, by: timedelta
) -> None:
    here, there = place.open(), place.open(by)
    here.update_note("mine", lambda _: "text", life=LIFE)
    there.update_note("theirs", lambda _: "text", life=LIFE)
    for store in (place.open(), place.open(by)):  # an opening purges
        assert store.get_note("mine") == store.get_note("theirs") == "text"


@pytest.mark.parametrize("by", OFF)
@pytest.mark.parametrize("place", SERVERS[:4], indirect=True)
def test_a_lease_keeps_others_out_and_ends_in_time(place: Place, by: timedelta) -> None:
    here, there = place.open(), place.open(by)
    id_ = str(here.save_token(ALICE).id)
    for holder, other in ((here, there), (there, here)):
        held = holder.lease(id_, 2.0)
        assert held
        assert not other.lease(id_, 2.0), "two hold it"
        held.release()
        holder.lease(id_, 0.5)  # and its holder dies
        until = time.monotonic() + 8
        while not (taken := other.lease(id_, 2.0)):
            assert time.monotonic() < until, "waits for a clock that differs"
            time.sleep(0.1)
        taken.release()


@pytest.mark.parametrize("place", ["dynamodb", "redis"], indirect=True)
def test_a_storm_of_hosts_a_day_apart_has_one_holder_at_a_time(place: Place) -> None:
    stores = [place.open(by) for by in (timedelta(0), DAY, -DAY, 0.5 * DAY)]
    id_ = str(stores[0].save_token(ALICE).id)
    inside, most, lock = 0, 0, threading.Lock()
    end = time.monotonic() + 1.5

    def ask(store: TokenStore) -> None:
        nonlocal inside, most
        while time.monotonic() < end:
            with store.lease(id_, 15.0) as lease:
                if lease:
                    with lock:
                        inside += 1
                        most = max(most, inside)
                    time.sleep(0.05)
                    with lock:
                        inside -= 1
            time.sleep(0.005)

    threads = [threading.Thread(target=ask, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
