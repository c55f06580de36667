"""Lets a piece of work fail at each of its steps in turn, wherever it calls anything."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from inspect import CO_GENERATOR
from types import FrameType
from typing import Any

from tests.support.security.frames import PACKAGE

__all__ = ["Failed", "failures"]


class Failed(Exception):  # noqa: N818 - it is no error of anybody's
    """What no part of evergrant expects."""


def failures(
    work: Callable[[], object],
    *,
    every: int = 1,
    first: int = 0,
    before: Callable[[], object] = lambda: None,
    kind: type[BaseException] = Failed,
) -> Iterator[BaseException]:
    """Do the work again and again, fail it at one step later each time; yield what comes out.

    A step is a call that evergrant's own code makes, of itself or of anybody. That which gives
    back a lock or a file is none: it does so even where it fails, or others would wait for ever.

    Args:
        every: How many steps later the next time.
        first: How many steps are done the first time.
        before: What is done each time before, and does not fail.
        kind: What is raised there.
    """
    at = first
    while True:
        before()
        step = _Step(at, kind)
        error: BaseException | None = None
        sys.setprofile(step)
        try:
            work()
        except BaseException as raised:  # noqa: BLE001 - of any kind
            error = raised
        finally:
            sys.setprofile(None)
        if not step.came:
            return
        if error is not None:
            yield error
        at += every


class _Step:
    def __init__(self, at: int, kind: type[BaseException]) -> None:
        self._left = at
        self._kind = kind
        self.came = False

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            caller: FrameType | None = frame
        # Not a generator's: it is called to be closed, too, and what it raises then is ignored.
        elif event == "call" and not frame.f_code.co_flags & CO_GENERATOR:
            caller = frame.f_back
        else:
            return
        if caller is None or self.came or not _is_ours(caller.f_code.co_filename):
            return
        if _is_an_end(argument):
            return
        if self._left:
            self._left -= 1
            return
        self.came = True
        raise self._kind("at a step")


@cache  # asked at each call that anything makes
def _is_ours(file: str) -> bool:
    return file.startswith(PACKAGE) and not file.startswith(
        (f"{PACKAGE}/sandbox", f"{PACKAGE}/_masking")
    )


def _is_an_end(called: object) -> bool:
    return getattr(called, "__name__", "") in {"__exit__", "close", "release"}
