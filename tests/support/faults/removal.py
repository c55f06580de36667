"""A process that removes a token, and one that goes on asking for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection

from evergrant import Keeper, Token
from evergrant.errors import TokenNotFound
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.faults.killable_processes import tell
from tests.support.faults.scene import Scene
from tests.support.faults.stopped_refresh import THERE

__all__ = ["DOORS", "WAYS", "go_on_asking", "remove"]

REFUSALS = 20
"""How often each caller must be refused in a row to believe it."""

AT_FIRST = 10.0
"""Seconds until each door must have given it: a store may hear of changes a little later."""

DOORS = ("keeper", "desk", "desk, at hand")
"""Where a token is handed out."""

WAYS: dict[str, Callable[[Keeper, SDKBridge, Token, SDKConfig], object]] = {
    "revoked": lambda keeper, _bridge, token, _around: keeper.revoke(token.user_name or ""),
    "forgotten": lambda keeper, _bridge, token, _around: keeper.forget(token.user_name or ""),
    "deleted": lambda keeper, _bridge, token, _around: keeper.store.delete_token(token.id or ""),
    "revoked under the SDK": lambda _, bridge, token, around: bridge.revoke(token.id or "", around),
    "deleted under the SDK": lambda _, bridge, token, _around: bridge.delete(token.id or ""),
}
"""How a token is removed."""


def remove(pipe: Connection, scene: Scene, way: str, user: str) -> None:
    """Remove a user's token when told to, and tell when that was done."""
    with _both(scene) as (keeper, bridge, around):
        token = keeper.find(user)
        tell(pipe, THERE)
        pipe.recv()
        WAYS[way](keeper, bridge, token, around)
        tell(pipe, time.monotonic())


def go_on_asking(pipe: Connection, scene: Scene, user: str) -> None:
    """Ask for a token until nobody gives it any more.

    Tells, for each door, when the last call began that was given one, by the clock that all
    processes of a host share.
    """
    with _both(scene) as (keeper, bridge, around), ThreadPoolExecutor(len(DOORS)) as pool:
        named = Token(
            user_name=keeper.find(user).user_name,
            client_id=scene.client_id,
            client_secret=scene.client_secret,
        )
        asks: list[Callable[[], Token | None]] = [
            lambda: _unless_gone(keeper, user),
            lambda: bridge.resolve(named, around),
            lambda: bridge.cached(None, named.user_name, named.client_id),
        ]
        give_up = time.monotonic() + AT_FIRST
        while not all(ask() for ask in asks):  # at hand is what the store is known not to change
            assert time.monotonic() < give_up, "each door gives it at first"
        tell(pipe, THERE)
        given = [pool.submit(_last_given, ask) for ask in asks]
        tell(pipe, {door: last.result() for door, last in zip(DOORS, given, strict=True)})


def _last_given(ask: Callable[[], Token | None]) -> float:
    last, refusals = 0.0, 0
    while refusals < REFUSALS:
        began = time.monotonic()
        if ask():
            last, refusals = began, 0
        else:
            refusals += 1
        time.sleep(0.005)
    return last


def _unless_gone(keeper: Keeper, user: str) -> Token | None:
    try:
        return keeper.token(user)
    except TokenNotFound:
        return None


@contextmanager
def _both(scene: Scene) -> Iterator[tuple[Keeper, SDKBridge, SDKConfig]]:
    with scene.keeper() as keeper, scene.open() as store:
        bridge = SDKBridge(
            store, data_centers=keeper.accounts.data_centers, lifeboat=scene.lifeboat
        )
        try:
            yield keeper, bridge, SDKConfig(f"{scene.zoho}/oauth/v2/token", scene.zoho)
        finally:
            bridge.close()
