"""Moves tokens between stores, one by one, and reports each."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from evergrant._masking import masks_locals
from evergrant.errors import ConfigError, CorruptRecord, TokenNotFound
from evergrant.stores.base import TokenStore
from evergrant.token import Token
from evergrant.transfer.compare import Outcome
from evergrant.transfer.copier import Copier, Moved

__all__ = ["copy", "move", "refuse_same"]


def refuse_same(source: TokenStore, target: TokenStore) -> None:
    """Refuse two names of one storage.

    Raises:
        ConfigError: They are.
    """
    if source.storage_id() == target.storage_id():
        raise ConfigError(
            f"{source.url} and {target.url} are the same store; nothing was done",
            hint="Name another file or table.",
        )


@masks_locals
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
    first = source.iter_tokens(on_corrupt=corrupt.append)
    again = source.iter_tokens(on_corrupt=lambda _: None)
    for token, moved in _copy_in_order(first, again, Copier(target, dry_run=dry_run)):
        yield from _corrupt_results(corrupt)
        goes = delete_source and moved.verified and not dry_run
        yield _delete(moved, token, source) if goes else moved
    yield from _corrupt_results(corrupt)


@masks_locals
def copy(
    tokens: Collection[Token], target: TokenStore, *, dry_run: bool = False
) -> Iterator[Moved]:
    """Copy tokens that are in no store; see `move`."""
    for _, moved in _copy_in_order(tokens, tokens, Copier(target, dry_run=dry_run)):
        yield moved


def _copy_in_order(
    first: Iterable[Token], again: Iterable[Token], copier: Copier
) -> Iterator[tuple[Token, Moved]]:
    """Copy tokens; those that need a new id last, so that it is nobody's old one."""
    waiting: set[tuple[str | None, ...]] = set()
    for token in first:
        moved = copier.copy(token, under_its_id=True)
        if moved:
            yield token, moved
        else:
            waiting.add(_key(token))
    for token in again if waiting else ():
        if _key(token) in waiting and (moved := copier.copy(token, under_its_id=False)):
            yield token, moved


def _key(token: Token) -> tuple[str | None, ...]:
    # Another program may have given an id twice.
    return token.id, token.user_name, token.client_id


def _corrupt_results(corrupt: deque[CorruptRecord]) -> Iterator[Moved]:
    while corrupt:
        error = corrupt.popleft()
        yield Moved(
            outcome=Outcome.CORRUPT, user=error.user, id=error.token_id, problem=error.message
        )


def _delete(moved: Moved, token: Token, source: TokenStore) -> Moved:
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
