"""What the acts of a scene are made of: counted calls, threads that wait to be begun, a check."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

__all__ = ["Count", "Threads", "equal"]


class Count:
    """Counts calls; a lock of its own, so that only the code under test can lose one."""

    def __init__(self, result: object = None) -> None:
        self.calls = 0
        self._result = result
        self._lock = threading.Lock()

    def __call__(self, *_: object) -> Any:
        with self._lock:
            self.calls += 1
        return self._result


def equal(*pairs: tuple[object, object]) -> None:
    for found, right in pairs:
        assert found == right


class Threads:
    """Stands in for the module ``threading``: what is begun runs when the test says so."""

    def __init__(self) -> None:
        self.begun: list[Callable[[], object]] = []
        self._running = threading.local()

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)

    def current_thread(self) -> Any:
        return getattr(self._running, "thread", None) or threading.current_thread()

    def Thread(  # noqa: N802 - threading's own name
        self, *, target: Callable[..., object], args: tuple[Any, ...] = (), **_: object
    ) -> Any:
        threads = self

        class Begun:
            begun = False

            def start(self) -> None:
                threads.begun.append(self.run)
                self.begun = True

            def run(self) -> None:
                threads._running.thread = self
                try:
                    target(*args)
                finally:
                    threads._running.thread, self.begun = None, False

            def is_alive(self) -> bool:
                return self.begun

        return Begun()

    def Timer(  # noqa: N802 - threading's own name
        self, _seconds: float, function: Callable[..., object], args: tuple[Any, ...] = ()
    ) -> Any:
        return self.Thread(target=function, args=tuple(args))
