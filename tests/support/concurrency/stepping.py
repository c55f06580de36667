"""Stops one thread at each of its steps in turn, and lets another act in the middle.

A lock has a test when, without it, some step of the first leaves room for the second to do harm.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Collection
from itertools import count
from types import FrameType, ModuleType
from typing import Any, NamedTuple

__all__ = ["Scene", "run_on", "step_through"]

DEADLINE = 20.0
"""Seconds after which a thread is stuck."""

POLL = 0.002
"""Seconds between two looks at whether the second one stands still."""

STILL = 6
"""Looks that find it where it was: it waits for the first one."""


class Scene(NamedTuple):
    """Two acts on something new, and what must be true whenever both are over."""

    first: Callable[[], object]
    second: Callable[[], object]
    check: Callable[[], object]


def step_through(
    scene: Callable[[], Scene],
    *modules: ModuleType,
    within: Collection[str] = (),
    opcodes: bool = False,
) -> int:
    """Play a scene once for each step of its first act in these modules; return how many.

    The second act runs while the first stands before that step, to its end or until it waits
    for the first. What either of them raises is raised here.

    Args:
        scene: Makes everything anew.
        modules: Whose lines are steps.
        within: The names of the functions whose lines are; all by default.
        opcodes: Each operation of a line is a step.
    """
    files = {module.__file__ for module in modules}
    # Python 3.12 tells operations only from the second time on that a thread is traced.
    for step in count(-1 if opcodes else 0):
        one = scene()
        stopped = _Play(one, files, within, step, opcodes=opcodes).run()
        one.check()
        if not stopped and step >= 0:
            assert step > 0, "the first act has no step in these modules"
            return step
    raise AssertionError


class _Play:
    def __init__(
        self,
        scene: Scene,
        files: Collection[str | None],
        within: Collection[str],
        step: int,
        *,
        opcodes: bool,
    ) -> None:
        self._scene = scene
        self._files = files
        self._within = within
        self._left = step
        self._opcodes = opcodes
        self._stands = threading.Event()
        self._goes_on = threading.Event()
        self._stopped = False
        self._problems: list[BaseException] = []

    def run(self) -> bool:
        """Return True if the first act was stopped: it has that many steps."""
        first = threading.Thread(target=self._act, args=(self._first,), daemon=True)
        second = threading.Thread(target=self._act, args=(self._scene.second,), daemon=True)
        first.start()
        assert self._stands.wait(DEADLINE), "the first act is stuck"
        second.start()
        run_on(second)
        self._goes_on.set()
        for thread in (first, second):
            thread.join(DEADLINE)
            assert not thread.is_alive(), "both acts wait for each other"
        for problem in self._problems:
            raise problem
        return self._stopped

    def _act(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as problem:  # noqa: BLE001 - raised in the test's own thread
            self._problems.append(problem)

    def _first(self) -> None:
        sys.settrace(self._enter)
        try:
            self._scene.first()
        finally:
            sys.settrace(None)
            self._stands.set()

    def _enter(self, frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename not in self._files:
            return None
        if self._within and frame.f_code.co_name not in self._within:
            return None
        frame.f_trace = self._step  # before: Python 3.13 does not hear of operations else
        frame.f_trace_opcodes = self._opcodes
        return self._step

    def _step(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == ("opcode" if self._opcodes else "line") and not self._stopped:
            if self._left == 0:
                self._stopped = True
                self._stands.set()
                self._goes_on.wait(DEADLINE)
            self._left -= 1
        return self._step


def run_on(thread: threading.Thread) -> None:
    """Return when a thread has ended, or stands still: it waits for somebody."""
    seen: tuple[FrameType, int] | None = None
    looks = 0
    while thread.is_alive() and looks < STILL:
        thread.join(POLL)
        frame = _frame_of(thread)
        now = (frame, frame.f_lasti) if frame else None
        looks = looks + 1 if now == seen else 0
        seen = now


def _frame_of(thread: threading.Thread) -> FrameType | None:
    # A collection in the middle of it that ends a threading.local would hang CPython 3.11.
    gc.disable()
    try:
        return sys._current_frames().get(thread.ident or 0)
    finally:
        gc.enable()
