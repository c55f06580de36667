"""Threads for tasks: what is shared, what is not begun, and what is not taken from before."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import count

import pytest

from evergrant._concurrency.offload import ThreadBridge
from tests.support.waiting import until_async


@pytest.fixture
def offload() -> ThreadBridge:
    return ThreadBridge(1, "test")


def test_what_began_before_one_asked_is_not_an_answer_to_it(offload: ThreadBridge) -> None:
    go_on, numbers = threading.Event(), count(1)

    def read() -> int:
        number = next(numbers)
        assert go_on.wait(30)
        return number

    async def main() -> list[int]:
        first = asyncio.create_task(offload.run_shared("a", read))
        await until_async(lambda: bool(offload._calls.get()))
        later = [asyncio.create_task(offload.run_shared("a", read)) for _ in range(10)]
        await until_async(lambda: offload._calls.get()["a"].waiting == 11)
        go_on.set()
        return list(await asyncio.gather(first, *later))

    assert asyncio.run(main()) == [1] + [2] * 10


def test_nothing_is_an_answer_for_all_who_wait(offload: ThreadBridge) -> None:
    go_on, calls = threading.Event(), list[int]()

    def look() -> None:
        calls.append(1)
        assert go_on.wait(30)

    async def main() -> None:
        crowd = [asyncio.create_task(offload.run_shared("a", look)) for _ in range(10)]
        await until_async(
            lambda: bool(offload._calls.get()) and offload._calls.get()["a"].waiting == 10
        )
        go_on.set()
        await asyncio.gather(*crowd)

    asyncio.run(main())
    assert calls == [1]


def test_what_nobody_waits_for_any_more_is_not_begun(offload: ThreadBridge) -> None:
    go_on, done = threading.Event(), list[str]()

    async def main() -> None:
        busy = asyncio.create_task(offload.run_shared("busy", lambda: go_on.wait(30)))
        calls: dict[str, Callable[[], None]] = {
            name: lambda name=name: done.append(name)  # type: ignore[misc]
            for name in ("left", "kept", "single")
        }
        left = [asyncio.create_task(offload.run_shared("left", calls["left"])) for _ in range(3)]
        kept = [asyncio.create_task(offload.run_shared("kept", calls["kept"])) for _ in range(3)]
        single = asyncio.create_task(offload.run_shared("single", calls["single"]))
        await until_async(lambda: len(offload._calls.get()) == 4)
        for task in (*left, kept[0], single):
            task.cancel()
        await asyncio.wait([*left, single])
        go_on.set()
        await asyncio.gather(busy, *kept[1:])

    asyncio.run(main())
    assert done == ["kept"]


def test_one_who_joins_as_the_last_one_leaves_is_served(offload: ThreadBridge) -> None:
    go_on = threading.Event()

    async def main() -> str:
        busy = asyncio.create_task(offload.run_shared("busy", lambda: go_on.wait(30)))
        await until_async(lambda: bool(offload._calls.get()))
        joined = asyncio.create_task(offload.run_shared("a", lambda: "served"))
        await until_async(lambda: "a" in offload._calls.get())
        offload._calls.get()["a"].work.cancel()  # as one who was the last, and did not see us
        go_on.set()
        await busy
        return await joined

    assert asyncio.run(main()) == "served"


def test_an_unexpected_error_reaches_all_who_wait(offload: ThreadBridge) -> None:
    async def main() -> list[object]:
        crowd = (offload.run_shared("a", lambda: 1 // 0) for _ in range(5))
        return await asyncio.gather(*crowd, return_exceptions=True)

    assert {type(error) for error in asyncio.run(main())} == {ZeroDivisionError}


def test_closing_waits_for_what_is_under_way_only_for_so_long(offload: ThreadBridge) -> None:
    go_on = threading.Event()

    async def main() -> None:
        stuck = asyncio.create_task(offload.run_shared("stuck", lambda: go_on.wait(30)))
        queued = asyncio.create_task(offload.run_shared("queued", lambda: True))
        await until_async(lambda: len(offload._calls.get()) == 2)
        offload.close(0.01)
        with pytest.raises(RuntimeError, match="closed"):
            await queued
        go_on.set()
        assert await stuck

    asyncio.run(main())


def test_a_forked_child_has_threads_of_its_own(
    offload: ThreadBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    async def main() -> None:
        parents = asyncio.create_task(offload.run_shared("a", lambda: go_on.wait(30)))
        await until_async(lambda: bool(offload._calls.get()))
        in_child = os.getpid() + 1
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: in_child)
            assert await offload.run_shared("a", lambda: "the child's own") == "the child's own"
        go_on.set()
        assert await parents

    asyncio.run(main())


def test_a_loop_that_ends_does_not_wait_for_ever(
    offload: ThreadBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergrant._concurrency.offload.MAX_CALL_TIME_S", 0.05)
    go_on = threading.Event()

    async def main() -> None:
        stuck = asyncio.create_task(offload.run_shared("stuck", lambda: go_on.wait(30)))
        await until_async(lambda: bool(offload._calls.get()))
        stuck.cancel()

    asyncio.run(main())
    assert not go_on.is_set()
    go_on.set()


PROGRAM = """
import asyncio, threading
from evergrant._concurrency.offload import ThreadBridge

began, ended = threading.Event(), threading.Event()

def work():
    began.set()
    assert ended.wait(30)
    print("saved")

async def main():
    task = asyncio.create_task(ThreadBridge(1, "test", holds_loop=False).run_shared("a", work))
    await asyncio.to_thread(began.wait)
    task.cancel()

asyncio.run(main())
print("ended", flush=True)
ended.set()
"""


def test_a_program_that_ends_waits_for_what_was_begun() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["ended", "saved"]
