"""Collects what people can see of a run that goes wrong: objects, errors, tracebacks, events."""

from __future__ import annotations

import gc
import pickle
import traceback
from collections.abc import Callable, Iterator

import pytest

from evergrant.errors import EvergrantError
from evergrant.events import Event
from tests.support.security.frames import is_the_tests_own


def shown(error: BaseException) -> Iterator[str]:
    """Yield all that an error shows of itself, in a traceback with the locals of every frame."""
    yield from (str(error), repr(error), f"{error}", f"{error:}", repr(vars(error)))
    summary = traceback.TracebackException.from_exception(error, capture_locals=True)
    for part in chain(summary):
        part.stack[:] = [frame for frame in part.stack if not is_the_tests_own(frame.filename)]
        yield from (*part.stack.format(), *part.format_exception_only())


def chain(summary: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    yield summary
    if summary.__cause__:
        yield from chain(summary.__cause__)
    elif summary.__context__ and not summary.__suppress_context__:
        yield from chain(summary.__context__)


class Watch:
    """Collects what people could see while the tests let things go wrong."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.errors: list[BaseException] = []
        self.values: list[object] = []

    def expect(self, kind: type[EvergrantError], do: Callable[[], object]) -> None:
        with pytest.raises(kind) as caught:
            do()
        assert type(caught.value) is kind
        self.errors.append(caught.value)

    def texts(self) -> Iterator[str | bytes]:
        for error in self.errors:
            yield from shown(error)
            yield pickle.dumps(error)
        for event in self.events:
            yield pickle.dumps(event)
        for value in [*self.events, *self.values, *living_objects()]:
            yield from (repr(value), str(value), f"{value}")


def living_objects() -> Iterator[object]:
    """Yield every object of ours that the tests made, but the local Zoho's own."""
    gc.unfreeze()  # what was made before the first test counts, too
    for thing in gc.get_objects():
        module = str(type(thing).__module__)
        if module.startswith("evergrant.") and not module.startswith("evergrant.sandbox"):
            yield thing
