"""What error trackers and consoles make of an error: the real ones, each at its most curious."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from traceback import TracebackException, walk_tb
from types import TracebackType
from typing import Any

import sentry_sdk
import structlog.tracebacks
from rich.console import Console
from rich.traceback import Traceback
from sentry_sdk.transport import Transport
from werkzeug.debug.repr import DebugReprGenerator

from tests.support.security.frames import is_the_tests_own
from tests.support.security.visible_output import chain


class Memory(Transport):
    """Keeps what sentry-sdk would send."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.events += [item.payload.json for item in envelope.items]


class Sentry:
    """The real sentry-sdk, which sends to nobody."""

    def __init__(self, **options: Any) -> None:
        self.transport = Memory()
        self.client = sentry_sdk.Client(
            dsn="https://key@sentry.invalid/1", transport=self.transport, **options
        )

    def told_of(self, error: BaseException) -> Iterator[str]:
        """Yield what it sends of an error, without the frames of the tests themselves."""
        with sentry_sdk.new_scope() as scope:
            scope.set_client(self.client)
            scope.capture_exception(error)
        for event in self.transport.events:
            for one in event["exception"]["values"]:
                frames = (one.get("stacktrace") or {}).get("frames", [])
                frames[:] = [frame for frame in frames if not is_the_tests_own(frame["abs_path"])]
        yield from map(json.dumps, self.transport.events)
        self.transport.events.clear()


def errors(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that led to it, shown or not."""
    if error:
        yield error
        yield from errors(error.__cause__)
        if error.__context__ is not error.__cause__:
            yield from errors(error.__context__)


def values(traceback: TracebackType | None, below: str = "") -> Iterator[tuple[str, object]]:
    """Yield the local variables in the frames of a traceback but the tests' own.

    Args:
        below: The folder of the files that count.
    """
    for frame, _ in walk_tb(traceback):
        file = frame.f_code.co_filename
        if file.startswith(below) and not is_the_tests_own(file):
            for name, value in frame.f_locals.items():
                yield f"{frame.f_code.co_qualname}.{name}", value


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - it is half made
        return "?"


def by_python(error: BaseException) -> Iterator[str]:
    """Yield what `traceback` prints with the locals of every frame."""
    try:
        summary = TracebackException.from_exception(error, capture_locals=True)
    except Exception:  # noqa: BLE001 - an object was half made; Python 3.11 gives up then
        return
    for part in chain(summary):
        part.stack[:] = [frame for frame in part.stack if not is_the_tests_own(frame.filename)]
        yield from (*part.stack.format(), *part.format_exception_only())


def by_rich(error: BaseException) -> Iterator[str]:
    """Yield what `rich` prints with ``show_locals``, whole and cut short."""
    for longest in (None, 80, 10):
        trace = Traceback.extract(
            type(error),
            error,
            error.__traceback__,
            show_locals=True,
            locals_max_string=longest,  # type: ignore[arg-type]
            locals_max_length=1000,
        )
        for stack in trace.stacks:
            stack.frames = [f for f in stack.frames if not is_the_tests_own(f.filename)]
            for frame in stack.frames:
                frame.filename = f"<{frame.filename}>"  # without the source, which takes a second
        out = StringIO()
        Console(file=out, width=10_000).print(Traceback(trace, width=10_000, max_frames=0))
        yield out.getvalue()


def by_structlog(error: BaseException) -> Iterator[str]:
    """Yield what structlog's tracebacks hold, with rich and without."""
    for use_rich in (True, False):
        trace = structlog.tracebacks.extract(
            type(error),
            error,
            error.__traceback__,
            show_locals=True,
            use_rich=use_rich,
            locals_max_string=20,
        )
        for stack in trace.stacks:
            for frame in stack.frames:
                if not is_the_tests_own(frame.filename):
                    yield repr(frame.locals)


def by_walking(error: BaseException) -> Iterator[str]:
    """Yield what one sees who goes into every list, dictionary, text and bytes by itself."""
    for one in errors(error):
        for name, value in values(one.__traceback__):
            try:
                yield f"{name}: {json.dumps(value, default=_repr, skipkeys=True)}"
            except (TypeError, ValueError, RecursionError):
                yield f"{name}: {_repr(value)}"
            if isinstance(value, bytes | bytearray):
                yield f"{name}: {bytes(value).decode('latin-1')}"
            yield f"{name}: {DebugReprGenerator().repr(value)}"
