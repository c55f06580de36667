"""Copies one token at a time into a store, reads it back, and says what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evergrant.errors import Conflict, CorruptRecord, StoreError, StoreUnavailable
from evergrant.stores.base import TokenStore
from evergrant.token import Token
from evergrant.transfer.compare import Outcome, decide, differences, find_counterpart

__all__ = ["Copier", "Moved"]

MAX_ATTEMPTS = 5
"""How often to look again when another program writes the same row meanwhile."""

_GOOD = {Outcome.NEW, Outcome.UPDATED, Outcome.SAME, Outcome.FRESHER}
_KEEPS_CHANGING = "the target answers something else each time"


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


class Copier:
    """Copies tokens into a store.

    Args:
        dry_run: Only say what would happen.
    """

    def __init__(self, target: TokenStore, *, dry_run: bool) -> None:
        self._target = target
        self._dry_run = dry_run

    def copy(self, token: Token, *, under_its_id: bool) -> Moved | None:
        """Copy a token, unless what is there is better.

        Args:
            under_its_id: Do nothing, and return None, if it needs a new id.

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
            problem = f"it differs there in its {names}, and nothing says which is newer"
            return _make_result(token, outcome, there.id, problem=problem)
        if outcome is Outcome.UPDATED and not self._dry_run:
            # Without a version: the store itself compares with what is there at that moment,
            # whichever program wrote it. The source's own version means nothing here.
            saved = self._target.save_token(replace(token, id=there.id, version=0))
            if differences(token, saved, self._target.stored_fields):
                raise Conflict(_KEEPS_CHANGING, token_id=saved.id)
            return self._verify(token, saved, outcome)
        if self._target.find_token_by_id(there.id or "") != there:
            raise Conflict(_KEEPS_CHANGING, token_id=there.id)
        if outcome is Outcome.FRESHER and token.refresh_token not in (None, there.refresh_token):
            problem = "it is of an older grant than the one there"
            return _make_result(token, outcome, there.id, problem=problem)
        return _make_result(token, outcome, there.id, verified=outcome is not Outcome.UPDATED)

    def _verify(self, token: Token, saved: Token, outcome: Outcome) -> Moved:
        found = self._target.find_token_by_id(saved.id or "")
        if found is None:
            problem = "it is not there after saving"
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
        """Return the token's id if a new row of the target can have it."""
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
