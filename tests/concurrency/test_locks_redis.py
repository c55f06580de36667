"""What each lock of the Redis store guards: one thread stops at every step, another acts."""

from __future__ import annotations

from typing import Any

import pytest

from evergrant.stores.redis import pubsub as module
from evergrant.stores.redis.pubsub import ChangeSubscriber
from evergrant.stores.redis.urls import parse_url
from evergrant.token import Secret
from tests.support.concurrency.acts import Threads, equal
from tests.support.concurrency.stepping import Scene, step_through
from tests.support.servers.redis_servers import Space


@pytest.fixture
def hearings(redis: Space) -> Any:
    """Make one that begins no thread by itself."""

    connect = parse_url(Secret(redis.url)).connect
    return lambda: ChangeSubscriber(lambda: connect(5.0), "prefix")


def test_one_thread_hears_the_server(hearings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads()
    monkeypatch.setattr(module, "threading", threads)

    def scene() -> Scene:
        heard = hearings()
        threads.begun.clear()
        return Scene(heard.changes, heard.wait_counter, lambda: equal((len(threads.begun), 1)))

    step_through(scene, module)


def test_no_change_is_lost_that_two_make_at_once(hearings: Any) -> None:
    def scene() -> Scene:
        heard = hearings()
        before = heard._changes
        return Scene(
            heard.note_change, heard.note_change, lambda: equal((heard._changes, before + 2))
        )

    step_through(scene, module, opcodes=True)


class Few:
    """A channel that closes what hears it, after so many messages."""

    def __init__(self, channel: Any, heard: ChangeSubscriber, number: int) -> None:
        self.subscribe, self.ping = channel.subscribe, channel.ping
        self._channel, self._heard, self._left = channel, heard, number

    def get_message(self, timeout: float) -> Any:
        message = self._channel.get_message(timeout=timeout)
        self._left -= message is not None
        if not self._left:
            self._heard.close()
        return message


class Once(ChangeSubscriber):
    """Hears one connection; notes how often the primary had moved when that was made."""

    connected: int | None = None

    def listen(self) -> None:
        connect, self._client = self._client, self._connected
        self._connect = connect
        self._listen()

    def _connected(self) -> Any:
        if self.connected is None:
            self.connected = self._moves
        else:
            self.close()
        return self._connect()

    def _receive(self, channel: Any, moves: int) -> None:
        if not self._closed:
            # Two answers to the subscription, and one to a ping.
            super()._receive(Few(channel, self, 3), moves)


def test_a_former_primary_is_not_trusted_for_what_was_on_its_way(
    redis: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_EVERY_S", 0.03)
    connect = parse_url(Secret(redis.url)).connect

    def scene() -> Scene:
        heard = Once(lambda: connect(5.0), "prefix")

        def check() -> None:
            heard.close()
            assert heard.changes() is None or heard.connected == 1

        return Scene(heard.listen, heard.move, check)

    step_through(scene, module)
