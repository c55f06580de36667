"""What an account of a Redis server may do, and what another program put in our way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.testing.sample_tokens import ALICE, BOB
from tests.support.servers.redis_servers import Redis, Space
from tests.support.waiting import until

DOCUMENTED = re.search(
    r"ACL SETUSER (?P<name>\S+) on >\S+ (?P<rights>.+)", Path("docs/stores.md").read_text()
)
RIGHTS = DOCUMENTED["rights"].split() if DOCUMENTED else []
SPARED = {"+eval", "+subscribe", "+unsubscribe", "+ping"}
"""What is asked for only now and then, or to hear of changes: who does not hear, reads."""
COMMANDS = [right for right in RIGHTS if right.startswith("+") and right not in SPARED]


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.close()


@pytest.fixture
def space(server: Redis) -> Space:
    return Space(server)


def of(space: Space, account: str, rights: list[str]) -> str:
    """Make an account and return the URL of a space as that account."""
    prefix = space.url.rpartition("=")[2]
    mine = [right.replace("evergrant", prefix) for right in rights]
    with space.server.client() as client:
        client.execute_command("ACL", "SETUSER", account, "reset", "on", ">pw", *mine)
    return re.sub("//[^@]*@", f"//{account}:pw@", space.url)


def test_the_documented_rights_are_enough_and_reach_no_other_prefix(space: Space) -> None:
    with open_store(of(space, "app", RIGHTS)) as store:
        until(lambda: store.change_counter() is not None)
        saved = store.save_token(ALICE)
        store.save_token(replace(saved, access_token="refreshed"))
        store.save_token(BOB)
        assert len(store.get_tokens()) == 2
        assert store.find_token(ALICE) is not None
        lease = store.lease(str(saved.id), 5)
        assert lease
        assert lease.extend()
        lease.release()
        assert store.update_note("budget", lambda _: "1", life=9) == "1"
        assert ["+info" in warning for warning in store.config_warnings()] == [True]
        store.delete_token(str(saved.id))
        store.delete_tokens()
    stranger = of(Space(space.server), "app", [])  # rights on nothing
    with pytest.raises(StoreUnavailable, match="lacks rights"):
        open_store(stranger)
    elsewhere = of(space, "app", RIGHTS).rpartition("=")[0] + "=elsewhere"
    with pytest.raises(StoreUnavailable, match="lacks rights"):
        open_store(elsewhere)


@pytest.mark.parametrize("lacking", COMMANDS or ["docs/stores.md lists no rights"])
def test_an_account_that_lacks_a_right_is_told_before_it_leaves_half_a_change(
    space: Space, lacking: str
) -> None:
    assert lacking in RIGHTS
    url = of(space, "poor", [right for right in RIGHTS if right != lacking])
    with pytest.raises(StoreUnavailable, match="lacks rights") as caught:
        open_store(url)
    assert not caught.value.retryable
    assert "docs/stores.md" in str(caught.value.hint)


def test_an_account_that_may_not_publish_is_refused(space: Space) -> None:
    url = of(space, "mute", [right for right in RIGHTS if not right.startswith("&")])
    with pytest.raises(StoreUnavailable, match="lacks rights"):
        open_store(url)


def test_an_account_that_may_only_read_reads(space: Space) -> None:
    with open_store(space.url) as store:
        saved = store.save_token(ALICE)
    reading = ["+get", "+eval", "+evalsha", "+hmget", "+smembers", "+exists", "+zrangebyscore"]
    keys = [right for right in RIGHTS if right.startswith("~")]
    with open_store(of(space, "reader", [*reading, *keys]), read_only=True) as store:
        assert store.find_token(ALICE) == saved
        assert store.get_tokens() == [saved]


@pytest.mark.parametrize("key", ["ids", "made", "number", "by"])
def test_a_key_of_another_program_is_met_before_anything_is_changed(space: Space, key: str) -> None:
    prefix = f"{{{space.url.rpartition('=')[2]}}}"
    with open_store(space.url) as store, space.server.client() as client:
        saved = store.save_token(ALICE)
        spoiled = list(client.scan_iter(f"{prefix}:{key}*"))
        kept = {name: client.dump(name) for name in spoiled}
        assert kept
        rows = [client.hgetall(name) for name in client.scan_iter(f"{prefix}:row:*")]
        for name in spoiled:
            client.delete(name)
            client.rpush(name, "what is this?")
        changes = [replace(saved, access_token="refreshed"), *([BOB] if key != "by" else [])]
        for change in changes:
            with pytest.raises(StoreUnavailable, match="another program"):
                store.save_token(change)
        assert [client.hgetall(name) for name in client.scan_iter(f"{prefix}:row:*")] == rows
        for name in spoiled:
            client.delete(name)
            client.restore(name, 0, kept[name])
        assert store.find_token(ALICE) == saved
