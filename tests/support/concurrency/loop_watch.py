"""Watches an event loop's thread for what would block it, and for how long it was blocked."""

from __future__ import annotations

import asyncio
import gc
import io
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Self

import evergrant
from tests.support.waiting import until_async

OURS = f"{Path(evergrant.__file__).parent}/"
NOT_OURS = f"{OURS}sandbox/"

FUNCTIONS = {
    "io": {"open", "open_code"},
    "posix": {"fsync", "lstat", "mkdir", "open", "read", "rename", "replace", "scandir", "stat",
              "unlink", "write"},
    "fcntl": {"flock", "fcntl", "lockf"},
    "socket": {"getaddrinfo", "gethostbyname"},
    "time": {"sleep"},
}  # fmt: skip
METHODS = {"connect", "recv", "recv_into", "send", "sendall"}
FILES = (io.FileIO, io.BufferedReader, io.BufferedWriter, io.TextIOWrapper)
BEAT = 0.002


class LoopWatch:
    """Notes calls of ours that may block, while it is entered, in the loop's own thread.

    Attributes:
        blocking: What was called, and where.
        longest: For how many seconds the loop did nothing else at the most.
        beats: How often the loop came round.
    """

    def __init__(self) -> None:
        self.blocking: list[str] = []
        self.longest = 0.0
        self.beats = 0

    async def __aenter__(self) -> Self:
        self._heart = asyncio.create_task(self._beat())
        await asyncio.sleep(0)
        # What earlier tests left behind may be finalised wherever the collector happens to run.
        gc.collect()
        gc.disable()
        sys.setprofile(self._note)
        return self

    async def __aexit__(self, *error: object) -> None:
        sys.setprofile(None)
        gc.enable()
        await asyncio.sleep(BEAT)
        self._heart.cancel()

    async def goes_on(self, beats: int = 20) -> None:
        """Return once the loop has come round so often."""
        goal = self.beats + beats
        await until_async(lambda: self.beats >= goal)

    async def _beat(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(BEAT)
            self.longest = max(self.longest, time.monotonic() - before - BEAT)
            self.beats += 1

    def _note(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and _may_block(called) and (where := _our_line(frame)):
            self.blocking.append(f"{called.__qualname__} in {where}")


def _may_block(called: Callable[..., object]) -> bool:
    name, owner = called.__name__, getattr(called, "__self__", None)
    if isinstance(owner, (sqlite3.Connection, sqlite3.Cursor, *FILES)):
        return True
    if isinstance(owner, socket.socket):
        return name in METHODS and owner.gettimeout() != 0
    return name in FUNCTIONS.get((called.__module__ or "").lstrip("_"), ())


def _our_line(frame: FrameType | None) -> str | None:
    where = None
    while frame:
        if frame.f_code.co_name == "__del__":
            return None  # garbage is collected in whichever thread
        if where is None and frame.f_code.co_filename.startswith(OURS):
            where = frame
        frame = frame.f_back
    if where is None or where.f_code.co_filename.startswith(NOT_OURS):
        return None
    return f"{where.f_code.co_filename}:{where.f_lineno}"
