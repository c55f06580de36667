"""Calls into a store of the user's own, whose errors are reported without the secrets in them."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from evergrant._masking import copy_error
from evergrant.errors import StoreError, StoreUnavailable
from evergrant.stores.adapter.redaction import MASK, Redactor
from evergrant.token import SECRET_FIELDS, Token

__all__ = ["call_store"]


def call_store(
    store: object, method: str, *arguments: object, secrets: Iterable[object] = ()
) -> Any:
    """Return what a method of the user's own store returns.

    Args:
        secrets: Texts to mask, besides the secrets of tokens among the arguments.

    Raises:
        StoreError: The method raised one. It is passed on, with any secret in it masked.
        StoreUnavailable: The method raised another error, which is the cause, unless a secret
            shows in it.
    """
    try:
        answer = getattr(store, method)(*arguments)
        return list(answer) if isinstance(answer, Iterator) else answer
    except Exception as error:  # noqa: BLE001 - a user's own code may raise anything
        quoting = Redactor([*_secrets_of(arguments), *secrets])
        if isinstance(error, StoreError):
            problem = _masked(error, quoting)
        else:
            problem = _problem(store, method, error, quoting)
    raise problem


def _secrets_of(arguments: Iterable[object]) -> Iterator[object]:
    tokens = (argument for argument in arguments if isinstance(argument, Token))
    return (getattr(token, name) for token in tokens for name in SECRET_FIELDS)


def _problem(store: object, method: str, error: Exception, quoting: Redactor) -> StoreUnavailable:
    # The first frame is ours, the second is the user's method; deeper ones are a driver's.
    frames = traceback.extract_tb(error.__traceback__)[:2]
    place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
    is_told = not _shows(error, quoting)
    problem = StoreUnavailable(
        f"{type(store).__name__}.{method} failed ({place}): {_said(error, quoting)}",
        hint="Fix the store, or try again if it could not be reached.",
    )
    if is_told:
        problem.__cause__ = error
    return problem


def _said(error: Exception, quoting: Redactor) -> str:
    kind = type(error).__name__
    try:
        return quoting.redact(f"{kind}: {error}")
    except Exception:  # noqa: BLE001 - the error's text is made by a user's own code, too
        return quoting.redact(kind)


def _masked(error: StoreError, quoting: Redactor) -> StoreError:
    if not _shows(error, quoting):
        return error
    told = copy_error(error)
    for name, value in vars(error).items():
        if isinstance(value, str):
            vars(told)[name] = quoting.redact(value)
        elif quoting.contains_secret(repr(value)):
            vars(told)[name] = MASK
    vars(told).pop("__notes__", None)
    told.args = (told.message,)
    return told


def _shows(error: BaseException, quoting: Redactor) -> bool:
    """Return True if a secret shows in an error or in what led to it; drop their tracebacks."""
    chain = list(_chain(error))
    for link in chain:
        link.__traceback__ = None  # each frame holds the row, and error trackers print frames
    return any(_shown(link, quoting) for link in chain)


def _shown(link: BaseException, quoting: Redactor) -> bool:
    try:
        return quoting.contains_secret(f"{type(link)!r} {link!r} {link} {vars(link)!r}")
    except Exception:  # noqa: BLE001 - as above; assume that it would show a secret
        return True


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    pending, seen = [error], set[int]()
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        pending += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            pending += one.exceptions
