"""Copies one token at a time into a store, reads it back, and returns the result."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evergrant.errors import Conflict, CorruptRecord, StoreError, StoreUnavailable
from evergrant.stores.base import TokenStore
from evergrant.token import Token
from evergrant.transfer.compare import Outcome, decide, differences, find_counterpart

__all__ = ["Copier", "Moved"]

MAX_ATTEMPTS = 5
"""How often to try when another program changes the same row at the same time."""

_GOOD = {Outcome.NEW, Outcome.UPDATED, Outcome.SAME, Outcome.FRESHER}
_KEEPS_CHANGING = "the row in the target keeps changing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The result for one token.

    Attributes:
        outcome: What happened.
        user: The name of its user.
        id: Its id in the source.
        target_id: The id of its row in the target, or None if it has none (yet).
        problem: The problem in words, or "".
        verified: The target holds this grant, and deleting the source would lose nothing of it.
        deleted: The token was deleted from the source.
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
        """Whether the target holds this token, or a fresher one of the same owner."""
        return self.outcome in _GOOD


class Copier:
    """Copies tokens into a store.

    Args:
        target: The store to copy to.
        dry_run: Only return what would happen.
    """

    def __init__(self, target: TokenStore, *, dry_run: bool) -> None:
        self._target = target
        self._dry_run = dry_run

    def copy(self, token: Token, *, under_its_id: bool) -> Moved | None:
        """Copy a token, unless the target's is better.

        Args:
            token: The token from the source.
            under_its_id: Return None without copying if the token needs a new id.

        Raises:
            StoreUnavailable: The target cannot be used any more.
        """
        problem = ""
        for _ in range(MAX_ATTEMPTS):
            try:
                return self._attempt(token, under_its_id=under_its_id)
            except StoreUnavailable:
                raise
            except Conflict as error:
                problem = error.message
                if not error.retryable:
                    break
            except StoreError as error:
                problem = f"in the target: {error.message}"
                return _make_result(token, Outcome.FAILED, problem=problem)
        return _make_result(token, Outcome.CONFLICT, problem=problem)

    def _attempt(self, token: Token, *, under_its_id: bool) -> Moved | None:
        there = find_counterpart(self._target, token)
        if there is not None:
            return self._copy_over(token, there)
        id_ = self._free_id(token)
        if id_ is None and under_its_id:
            return None
        if self._dry_run:
            return _make_result(token, Outcome.NEW, id_)
        # Version 0: only if there is still no such row. By its id alone, a nameless grant that
        # came in this moment would be taken for ours.
        new = replace(token, id=id_, version=0)
        saved = self._target.save_token(new, expected_version=0)
        return self._verify(token, saved, Outcome.NEW)

    def _copy_over(self, token: Token, there: Token) -> Moved:
        """Copy a token whose owner has a row in the target."""
        outcome = decide(token, there, self._target.stored_fields)
        if outcome is Outcome.CONFLICT:
            names = ", ".join(differences(token, there, self._target.stored_fields))
            problem = f"the target's {names} differ, and it is unclear which is newer"
            return _make_result(token, outcome, there.id, problem=problem)
        if outcome is Outcome.UPDATED and not self._dry_run:
            # Without a version: the store compares with the row at that moment, whichever program
            # wrote it. The version from the source means nothing in the target.
            saved = self._target.save_token(replace(token, id=there.id, version=0))
            if differences(token, saved, self._target.stored_fields):
                raise Conflict(_KEEPS_CHANGING, token_id=saved.id)
            return self._verify(token, saved, outcome)
        if self._target.find_token_by_id(there.id or "") != there:
            raise Conflict(_KEEPS_CHANGING, token_id=there.id)
        if outcome is Outcome.FRESHER and token.refresh_token not in (None, there.refresh_token):
            problem = "its grant is older than the one in the target"
            return _make_result(token, outcome, there.id, problem=problem)
        return _make_result(token, outcome, there.id, verified=outcome is not Outcome.UPDATED)

    def _verify(self, token: Token, saved: Token, outcome: Outcome) -> Moved:
        found = self._target.find_token_by_id(saved.id or "")
        if found is None:
            problem = "it was not found after saving"
            return _make_result(token, Outcome.FAILED, saved.id, problem=problem)
        is_new = outcome is Outcome.NEW
        wrong = differences(token, found, self._target.stored_fields, is_new=is_new)
        if not wrong and found.id == saved.id:
            return _make_result(token, outcome, found.id, verified=True)
        was_saved = "version" in self._target.stored_fields and found.version != saved.version
        if found.id == saved.id and was_saved:
            raise Conflict(_KEEPS_CHANGING, token_id=found.id)
        problem = f"the target does not keep its {', '.join(wrong or ['id'])}"
        return _make_result(token, Outcome.FAILED, saved.id, problem=problem)

    def _free_id(self, token: Token) -> str | None:
        """Return the token's id if a new row of the target can use it, or None."""
        width = self._target.id_width
        if not token.id or (width is not None and len(token.id) > width):
            return None
        try:
            return token.id if self._target.find_token_by_id(token.id) is None else None
        except CorruptRecord:
            return None


def _make_result(
    token: Token,
    outcome: Outcome,
    target_id: str | None = None,
    *,
    problem: str = "",
    verified: bool = False,
) -> Moved:
    return Moved(
        outcome=outcome,
        user=token.user_name,
        id=token.id,
        target_id=target_id,
        problem=problem,
        verified=verified,
    )
