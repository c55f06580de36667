"""Says whether a history of calls could have happened one after another (Wing, Gong and Lowe).

It knows nothing of evergrant: rows are values that nobody writes twice, and what a call must
answer is said here in the plainest way. Each key is looked at by itself: a history is linearizable
if that of every key is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

__all__ = ["ABSENT", "DONE", "REFUSED", "Call", "State", "applied", "unexplained"]

ABSENT, DONE, REFUSED = "absent", "done", "refused"
State = tuple[str, int, str] | None
"""The value that is there, until when it lasts, and its mark ("" while nobody has seen it)."""


@dataclass(frozen=True)
class Call:
    """One call of one process.

    Attributes:
        kind: find, create (only if there is nothing), swap and drop (only if there still is what
            was ``expected``), put (unless what is there lasts longer), or delete.
        begun: When it was called.
        ended: When it answered; infinite where nobody knows, since its process was killed.
        answer: A value, or one of the words above; None where nobody knows.
        mark: What came with the answer: it is another after each write.
        value: What it writes; nobody else ever writes the same.
        lasts: Until when that lasts.
        expected: The value that must still be there, and its mark.
    """

    key: str
    kind: str
    begun: float
    ended: float = inf
    answer: str | None = None
    mark: str = ""
    value: str = ""
    lasts: int = 0
    expected: tuple[str, str] = ("", "")


def applied(state: State, call: Call) -> tuple[bool, State]:
    """Return whether a call may have answered so, and what is there afterwards."""
    held, lasts, mark = state or (ABSENT, 0, "")
    new: State = (call.value, call.lasts, call.mark)
    is_it = state is not None and (held, mark) == tuple(call.expected)
    answer = DONE
    match call.kind:
        case "find":
            answer, new = held, state and (held, lasts, call.mark)
            if mark not in {"", call.mark}:
                answer = "another mark"
        case "create":
            answer, new = (REFUSED, state) if state else (DONE, new)
        case "swap":
            answer, new = (DONE, new) if is_it else (REFUSED, state)
        case "drop":
            answer, new = (DONE, None) if is_it else (REFUSED, state)
        case "delete":
            answer, new = (DONE, None) if state else (REFUSED, state)
        case "put":
            stays = state is not None and lasts > call.lasts
            answer = held if stays else call.value
            new = (held, lasts, call.mark) if stays else new
    return call.answer in {None, answer}, new


def unexplained(history: Iterable[Call]) -> list[str]:
    """Return the keys whose calls no order explains."""
    by_key: dict[str, list[Call]] = {}
    for call in history:
        by_key.setdefault(call.key, []).append(call)
    return [key for key, calls in sorted(by_key.items()) if not _has_order(calls)]


def _has_order(calls: list[Call]) -> bool:
    calls = sorted(calls, key=lambda call: call.begun)
    answered = sum(1 << n for n, call in enumerate(calls) if call.ended != inf)
    todo: list[tuple[int, State]] = [(0, None)]
    seen = set(todo)
    while todo:
        done, state = todo.pop()
        if done & answered == answered:
            return True  # what is left was never answered, and may not have happened
        for n in _next(calls, done):
            may_be, after = applied(state, calls[n])
            step = done | 1 << n, after
            if may_be and step not in seen:
                seen.add(step)
                todo.append(step)
    return False


def _next(calls: list[Call], done: int) -> list[int]:
    """Return the calls that may have happened next: begun before any other had ended."""
    left = [n for n in range(len(calls)) if not done >> n & 1]
    first_end = min(calls[n].ended for n in left)
    return [n for n in left if calls[n].begun <= first_end]
