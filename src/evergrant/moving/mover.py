"""Copies tokens one by one, reads each back, and says what became of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from evergrant.errors import (
    ConfigError,
    Conflict,
    CorruptRecord,
    StoreError,
    StoreUnavailable,
    TokenNotFound,
)
from evergrant.moving.comparing import Outcome, compared, counterpart, differing
from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = ["Moved", "copy", "move", "refuse_same"]

ATTEMPTS = 5
"""How often to look again when another program writes the same row meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What became of one token.

    Attributes:
        id: Its id in the source.
        target_id: The id of its row in the target; None: it has none (yet).
        problem: What is wrong, in words; empty: nothing.
        verified: The target holds this grant, and nothing of it would be lost with the source.
        deleted: It was deleted from the source.
    """

    outcome: Outcome
    user: str | None = None
    id: str | None = None
    target_id: str | None = None
    problem: str = ""
    verified: bool = False
    deleted: bool = False

    @property
    def is_good(self) -> bool:
        """Whether the target holds this token, or a fresher one of its owner."""
        return self.outcome in _GOOD


_GOOD = {Outcome.NEW, Outcome.UPDATED, Outcome.SAME, Outcome.FRESHER}
_RESTLESS = "the target answers something else each time"
_WRITTEN = {Outcome.NEW, Outcome.UPDATED}


def refuse_same(source: TokenStore, target: TokenStore) -> None:
    """Refuse two names of one storage.

    Raises:
        ConfigError: They are.
    """
    if source.identity() == target.identity():
        raise ConfigError(
            f"{source.url} and {target.url} are the same store; nothing was done",
            hint="Name another file or table.",
        )


def move(
    source: TokenStore,
    target: TokenStore,
    *,
    dry_run: bool = False,
    delete_source: bool = False,
) -> Iterator[Moved]:
    """Copy each token of a store to another one; yield what became of it, one by one.

    What is there already is left, or replaced by what is certainly fresher. An id is kept where
    it is free and fits. A token is one of the target's as soon as it is yielded: to go on after
    an interruption, run it again.

    Args:
        dry_run: Only say what would happen.
        delete_source: Delete from the source each token that was read back from the target.

    Raises:
        ConfigError: Both are the same store.
        StoreUnavailable: One of the stores cannot be used any more.
    """
    refuse_same(source, target)
    corrupt: deque[CorruptRecord] = deque()
    for token in source.iter_tokens(on_corrupt=corrupt.append):
        yield from _reported(corrupt)
        moved = _copied(token, target, dry_run=dry_run)
        if delete_source and moved.verified and not dry_run:
            moved = _deleted(moved, token, source)
        yield moved
    yield from _reported(corrupt)


def copy(tokens: Iterable[Token], target: TokenStore, *, dry_run: bool = False) -> Iterator[Moved]:
    """Copy tokens that are in no store; see `move`."""
    for token in tokens:
        yield _copied(token, target, dry_run=dry_run)


def _reported(corrupt: deque[CorruptRecord]) -> Iterator[Moved]:
    while corrupt:
        error = corrupt.popleft()
        yield Moved(
            outcome=Outcome.CORRUPT, user=error.user, id=error.token_id, problem=error.message
        )


def _copied(token: Token, target: TokenStore, *, dry_run: bool) -> Moved:
    problem = ""
    for _ in range(ATTEMPTS):
        try:
            return _attempt(token, target, dry_run=dry_run)
        except StoreUnavailable:
            raise
        except Conflict as error:
            problem = error.message
            if not error.retryable:
                break
        except StoreError as error:
            return _moved(token, Outcome.FAILED, problem=f"in the target: {error.message}")
    return _moved(token, Outcome.CONFLICT, problem=problem)


def _attempt(token: Token, target: TokenStore, *, dry_run: bool) -> Moved:
    there = counterpart(target, token)
    if there is None:
        outcome, id_, expected = Outcome.NEW, _free_id(token, target), 0
    else:
        # Whose version it is does not count, but that of the row: without it, the store itself
        # compares with what is there at that moment, whichever program wrote it.
        outcome, id_, expected = compared(token, there, target.holds), there.id, None
    if dry_run or outcome not in _WRITTEN:
        return _left(token, there, outcome, id_, target)
    saved = target.save_token(replace(token, id=id_, version=0), expected_version=expected)
    found = target.find_token_by_id(saved.id or "")
    if found is None:
        return _moved(token, Outcome.FAILED, id_=saved.id, problem="it is not there after saving")
    wrong = differing(token, found, target.holds, new=there is None)
    if not wrong and found.id == saved.id:
        return _moved(token, outcome, id_=found.id, verified=True)
    if there and (found.version > saved.version or differing(token, saved, target.holds)):
        raise Conflict(_RESTLESS, token_id=found.id)
    names = ", ".join(wrong or ["id"])
    return _moved(
        token, Outcome.FAILED, id_=saved.id, problem=f"the target does not keep its {names}"
    )


def _left(
    token: Token, there: Token | None, outcome: Outcome, id_: str | None, target: TokenStore
) -> Moved:
    if there is None:
        return _moved(token, outcome, id_=id_)
    if outcome is Outcome.CONFLICT:
        names = ", ".join(differing(token, there, target.holds))
        problem = f"the one that is there differs in its {names}, and nothing says which is newer"
        return _moved(token, outcome, id_=id_, problem=problem)
    if target.find_token_by_id(there.id or "") != there:
        raise Conflict(_RESTLESS, token_id=there.id)
    if outcome is Outcome.FRESHER and token.refresh_token not in (None, there.refresh_token):
        return _moved(token, outcome, id_=id_, problem="it is of an older grant than the one there")
    return _moved(token, outcome, id_=id_, verified=outcome not in _WRITTEN)


def _free_id(token: Token, target: TokenStore) -> str | None:
    """Return the token's id if a new row of the target can have it."""
    if not token.id or (target.id_width is not None and len(token.id) > target.id_width):
        return None
    try:
        return token.id if target.find_token_by_id(token.id) is None else None
    except CorruptRecord:
        return None


def _deleted(moved: Moved, token: Token, source: TokenStore) -> Moved:
    id_ = token.id or ""
    try:
        unchanged = source.find_token_by_id(id_) == token
    except CorruptRecord:
        unchanged = False
    if not unchanged:
        return replace(
            moved,
            outcome=Outcome.CONFLICT,
            verified=False,
            problem="it was changed in the source meanwhile, and not deleted",
        )
    with suppress(TokenNotFound):  # deleted meanwhile: as was asked
        source.delete_token(id_)
    return replace(moved, deleted=True)


def _moved(
    token: Token,
    outcome: Outcome,
    *,
    id_: str | None = None,
    problem: str = "",
    verified: bool = False,
) -> Moved:
    return Moved(
        outcome=outcome,
        user=token.user_name,
        id=token.id,
        target_id=id_,
        problem=problem,
        verified=verified,
    )
