"""A process that refreshes a token, and is stopped or killed at one point of that."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from evergrant import Keeper, Token
from evergrant._core import lease_heartbeat, refresher
from evergrant.errors import EvergrantError
from evergrant.stores.leases import Lease
from tests.support.faults.killable_processes import tell
from tests.support.faults.scene import Scene

__all__ = ["LABELS", "THERE", "Answer", "ask", "hold", "lease_for"]

LABELS = (
    "lease taken",
    "row read",
    "budget spent",
    "about to send",
    "answered",
    "saved",
    "released",
)
THERE = "there"


class Answer(NamedTuple):
    """What a caller got, and after how many seconds."""

    user: str
    token: Token | None
    error: str
    seconds: float


def lease_for(ttl: float) -> None:
    """Let leases run for so many seconds, and extend them as often as ever."""
    lease_heartbeat.EXTEND_EVERY_S *= ttl / lease_heartbeat.LEASE_TTL_S
    lease_heartbeat.LEASE_TTL_S = refresher.LEASE_TTL_S = ttl  # type: ignore[attr-defined]


def hold(
    pipe: Connection, scene: Scene, ttl: float, user: str, label: str, fate: signal.Signals
) -> None:
    """Ask for a token, and send ourselves a signal at a point of its refresh."""
    lease_for(ttl)
    with scene.keeper() as keeper:
        _Trap(pipe, label, fate).set(keeper)
        tell(pipe, _asked(keeper, user))


def ask(pipe: Connection, scene: Scene, ttl: float, users: list[str]) -> None:
    """Ask for the tokens of several users at the same time, once we are told to."""
    lease_for(ttl)
    with scene.keeper() as keeper, ThreadPoolExecutor(len(users)) as pool:
        tell(pipe, THERE)
        pipe.recv()
        for answer in [pool.submit(_asked, keeper, user) for user in users]:
            tell(pipe, answer.result())


def _asked(keeper: Keeper, user: str) -> Answer:
    began = time.monotonic()
    token, error = None, ""
    try:
        token = keeper.token(user)
    except EvergrantError as problem:
        error = repr(problem)
    return Answer(user, token, error, time.monotonic() - began)


class _Trap:
    """Springs once, when a refresh comes to its point."""

    def __init__(self, pipe: Connection, label: str, fate: signal.Signals) -> None:
        self._pipe = pipe
        self._label = label
        self._fate = fate
        self._passed: list[str] = []

    def set(self, keeper: Keeper) -> None:
        store: Any = keeper.store
        accounts: Any = keeper.accounts
        store.lease = self._leasing(store.lease)
        store.find_token_by_id = self._then("row read", store.find_token_by_id)
        store.update_note = self._then("budget spent", store.update_note)
        accounts._send = self._then("answered", self._first("about to send", accounts._send))
        store.save_token = self._then("saved", store.save_token)

    def _leasing(self, real: Callable[..., Lease]) -> Callable[..., Lease]:
        def lease(*args: Any) -> Lease:
            granted = real(*args)
            if granted:
                release: Any = self._then("released", granted.release)
                granted.release = release  # type: ignore[method-assign]
                self._at("lease taken")
            return granted

        return lease

    def _first(self, label: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **options: Any) -> Any:
            self._at(label)
            return real(*args, **options)

        return step

    def _then(self, label: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **options: Any) -> Any:
            done = real(*args, **options)
            self._at(label)
            return done

        return step

    def _at(self, label: str) -> None:
        """Note a point that comes after the one before; others are of another errand."""
        if label != LABELS[len(self._passed)]:
            return
        self._passed.append(label)
        if label == self._label:
            tell(self._pipe, THERE)
            os.kill(os.getpid(), self._fate)
