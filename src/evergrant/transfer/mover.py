"""Moves tokens between stores one by one, and yields the result of each."""

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
    """Refuse two URLs of the same storage.

    Raises:
        ConfigError: Source and target are the same storage.
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
    """Copy each token of a store to another one; yield the results one by one.

    A token that the target already holds stays, unless the new one is certainly fresher. An id is
    kept if it is free and not too long. A token is saved in the target when its result is
    yielded. After an interruption, run it again to continue.

    Args:
        source: The store to copy from.
        target: The store to copy to.
        dry_run: Only yield what would happen.
        delete_source: Delete each token from the source after it was read back from the target.

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
    """Copy tokens that are not in a store; see `move`."""
    for _, moved in _copy_in_order(tokens, tokens, Copier(target, dry_run=dry_run)):
        yield moved


def _copy_in_order(
    first: Iterable[Token], again: Iterable[Token], copier: Copier
) -> Iterator[tuple[Token, Moved]]:
    """Copy tokens; those that need a new id last, so that no other token's id is taken."""
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
    # Another program may have used an id twice.
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
            problem="it was changed in the source meanwhile, so it was not deleted",
        )
    with suppress(TokenNotFound):  # another program has deleted it already
        source.delete_token(id_)
    return replace(moved, deleted=True)
