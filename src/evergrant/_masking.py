"""Keeps secrets out of consoles, error trackers and tracebacks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import currentframe, isfunction, isgeneratorfunction
from traceback import clear_frames
from types import FrameType
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, cast

__all__ = [
    "Masked",
    "clear_locals",
    "copy_error",
    "masks_locals",
    "masks_methods",
    "raise_without_context",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


class Masked:
    """What shows as its ``repr`` only, also to tools that read a text, tuple or dict as it is."""

    __slots__ = ()

    def __sentry_repr__(self) -> str:
        """Return what sentry-sdk sends in the place of this, wherever it finds it."""
        return repr(self)

    def __rich__(self) -> str:
        """Return what rich prints in the place of this."""
        return repr(self)


def masks_locals(function: Callable[P, R]) -> Callable[P, R]:
    """Make an error that leaves a function leave its local variables behind, and its callees'.

    Error trackers send what the frames of a traceback hold, and drivers hold secrets as they are,
    in types that anybody can read. Files, lines and names of functions stay.
    """
    if isgeneratorfunction(function):

        @wraps(function)
        def masking_each(*args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
            steps: Any = function(*args, **kwargs)
            del args, kwargs
            try:
                yield from steps
            except BaseException as error:
                clear_locals(error)
                raise

        return cast("Callable[P, R]", masking_each)

    @wraps(function)
    def masking(*args: P.args, **kwargs: P.kwargs) -> R:
        call = _Call(function, args, kwargs)
        del args, kwargs  # while it runs, a tracker may look at the stack as it is
        try:
            return call()
        except BaseException as error:
            del call
            clear_locals(error)
            raise

    return masking


def masks_methods(kind: type[T]) -> type[T]:
    """Make all public methods of a class as `masks_locals` makes one, but for `unmasked` ones."""
    for name, found in list(vars(kind).items()):
        if isfunction(found) and not name.startswith("_") and found not in _unmasked:
            setattr(kind, name, masks_locals(found))
    return kind


def unmasked(function: Callable[P, R]) -> Callable[P, R]:
    """Leave a method as it is: it is too fast for a wrapper, and what it calls is masked."""
    _unmasked.add(function)
    return function


_unmasked: set[Callable[..., Any]] = set()


class _Call(Generic[R]):
    """A function with its arguments, which do not show."""

    __slots__ = ("_args", "_function", "_kwargs")

    def __init__(self, function: Callable[..., R], args: Any, kwargs: Any) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs

    def __call__(self) -> R:
        return self._function(*self._args, **self._kwargs)


def clear_locals(error: BaseException) -> None:
    """Empty the frames that an error and its causes came through, except those still running.

    What the caller's own callers are handling already stays as it is.
    """
    here = currentframe()
    running = set(_callers(here and here.f_back))
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        frame = one.__traceback__.tb_frame if one.__traceback__ else None
        if frame in running:
            continue
        clear_frames(one.__traceback__)
        pending += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            pending += one.exceptions


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame := frame and frame.f_back:
        yield frame


def copy_error(error: E) -> E:
    """Return a copy of an error, without its traceback, cause and context.

    For an error that is kept: a traceback keeps all its frames alive, and what they hold. And for
    one that several threads raise: raising one object in each would mix their tracebacks.
    """
    return copy.copy(error)


def raise_without_context(error: BaseException) -> NoReturn:
    """Raise an error from an ``except`` block, without the error that is being handled there.

    That one's text may quote a secret, and its frames hold what they worked on. ``from None`` only
    hides it: error trackers would still find it as the new error's ``__context__``.
    """
    try:
        raise error
    finally:
        error.__context__ = None
        del error  # it holds this frame, by its traceback
