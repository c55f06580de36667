"""Holds a real function up at a point that a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.waiting import until_async

PATIENCE = 30.0


class Gate:
    """Lets threads wait, before or after the call, until the test opens it.

    Args:
        held: Says for which arguments; every call by default.
    """

    def __init__(self, held: Callable[..., bool] = lambda *_: True) -> None:
        self.reached = 0
        self._held = held
        self._opened = threading.Event()

    def before(self, target: object, name: str, patch: pytest.MonkeyPatch) -> None:
        real = getattr(target, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._wait(*args)
            return real(*args, **kwargs)

        patch.setattr(target, name, call)

    def after(self, target: object, name: str, patch: pytest.MonkeyPatch) -> None:
        real = getattr(target, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            result = real(*args, **kwargs)
            self._wait(*args)
            return result

        patch.setattr(target, name, call)

    def _wait(self, *args: Any) -> None:
        if self._held(*args):
            self.reached += 1
            assert self._opened.wait(PATIENCE), "the gate was never opened"

    def open(self) -> None:
        self._opened.set()

    async def until_reached(self) -> None:
        await until_async(lambda: self.reached > 0)
