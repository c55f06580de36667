"""A process whose callers go on asking for tokens while something happens to the store."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import NamedTuple

from evergrant import Keeper
from evergrant.errors import EvergrantError
from evergrant.events import Event
from tests.support.faults.killable_processes import tell
from tests.support.faults.scene import Scene
from tests.support.faults.stopped_refresh import THERE

__all__ = ["Told", "answer_calls"]

CALLERS = 8


class Told(NamedTuple):
    """What the callers of one stretch of time were told.

    Attributes:
        answers: How often each: an access token, or the class of an error.
        error: The text of the last error.
        slowest: Seconds that the slowest of them waited.
        events: Those of that time, by class.
    """

    answers: Counter[str]
    error: str
    slowest: float
    events: list[str]


def answer_calls(pipe: Connection, scene: Scene, user: str, uid: int = 0) -> None:
    """Hold a user's token, and let callers ask when told to: whom for, and for how many seconds.

    Args:
        uid: Whom to be: root may read whatever there is.
    """
    if uid:
        os.setuid(uid)
    events: list[Event] = []
    with scene.keeper(events.append) as keeper, ThreadPoolExecutor(CALLERS) as pool:
        keeper.access_token(user)
        tell(pipe, THERE)
        while True:
            try:
                whom, seconds = pipe.recv()
            except EOFError:
                return
            events.clear()
            callers = [pool.submit(_call, keeper, whom, seconds) for _ in range(CALLERS)]
            tell(pipe, _told([caller.result() for caller in callers], events))


def _call(keeper: Keeper, user: str, seconds: float) -> Told:
    answers: Counter[str] = Counter()
    problem, slowest, until = "", 0.0, time.monotonic() + seconds
    while not answers or time.monotonic() < until:
        began = time.monotonic()
        try:
            answers[keeper.access_token(user)] += 1
        except EvergrantError as error:
            kinds = (kind for kind in type(error).__mro__ if kind.__module__ == "evergrant.errors")
            answers[next(kinds).__name__] += 1
            problem = str(error)
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.005)
    return Told(answers, problem, slowest, [])


def _told(parts: list[Told], events: list[Event]) -> Told:
    return Told(
        sum((part.answers for part in parts), Counter()),
        max(part.error for part in parts),
        max(part.slowest for part in parts),
        [type(event).__name__ for event in events],
    )
