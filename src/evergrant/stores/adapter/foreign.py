"""Calls into code that is not ours: what goes wrong there is told, without the secrets in it."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from evergrant.errors import StoreError, StoreUnavailable
from evergrant.token import SECRET_FIELDS, Token

__all__ = ["ask"]

SHORTEST_SECRET = 8
"""Characters from which on a text is looked for; Zoho's have more than forty. Shorter ones occur
in any sentence."""


def ask(store: object, method: str, *arguments: object, secrets: Iterable[object] = ()) -> Any:
    """Return what a method of somebody else's store answers.

    Args:
        secrets: Texts that must not show, beside the secrets of tokens among the arguments.

    Raises:
        StoreUnavailable: It raised. Its error is the cause, unless a secret shows in it.
    """
    try:
        answer = getattr(store, method)(*arguments)
        return list(answer) if isinstance(answer, Iterator) else answer
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - it is somebody else's: anything may come
        problem = _problem(store, method, error, _plain([*_secrets_of(arguments), *secrets]))
    raise problem


def _secrets_of(arguments: Iterable[object]) -> Iterator[object]:
    tokens = (argument for argument in arguments if isinstance(argument, Token))
    return (getattr(token, name) for token in tokens for name in SECRET_FIELDS)


def _plain(secrets: Iterable[object]) -> set[str]:
    texts = {str.__str__(secret) for secret in secrets if isinstance(secret, str)}
    return {text for text in texts if len(text) >= SHORTEST_SECRET}


def _problem(store: object, method: str, error: Exception, secrets: set[str]) -> StoreUnavailable:
    chain = list(_chain(error))
    # The first frame is ours, the second its method; what is deeper is a driver.
    frames = traceback.extract_tb(error.__traceback__)[:2]
    place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
    for link in chain:
        link.__traceback__ = None  # each frame holds the row, and error trackers print frames
    said = f"{type(error).__name__}: {error}"
    for secret in secrets:
        said = said.replace(secret, "********")
    problem = StoreUnavailable(
        f"{type(store).__name__}.{method} failed ({place}): {said}",
        hint="Mend the store, or try again if it was out of reach.",
    )
    if not any(secret in f"{link!r} {link}" for link in chain for secret in secrets):
        problem.__cause__ = error
    return problem


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
