"""Reports a transfer: a progress bar, the audit log, and the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import typer

from evergrant.cli.messages import print_info
from evergrant.cli.resources import open_audit_log
from evergrant.cli.tables import console, table
from evergrant.config import Settings
from evergrant.errors import StoreUnavailable
from evergrant.transfer import Moved, Outcome

__all__ = ["as_dict", "print_outcomes", "summarize", "with_audit", "with_progress"]

WRITTEN_OUTCOMES = (Outcome.NEW, Outcome.UPDATED)
"""The outcomes of a token that was written to the other store."""


def with_audit(settings: Settings, moves: Iterable[Moved], target: str) -> Iterable[Moved]:
    """Yield results. A result that changed a store is first written to the audit log.

    Args:
        target: The URL of the store that the tokens go to.
    """
    log = open_audit_log(settings)
    for moved in moves:
        if log is not None and (moved.deleted or moved.outcome in WRITTEN_OUTCOMES):
            entry = {
                "at": datetime.now(UTC).isoformat(),
                "event": "Moved" if moved.deleted else "Copied",
                "user": moved.user,
                "token_id": moved.target_id or moved.id,
                "outcome": moved.outcome.value,
                "target": target,
            }
            log.record({name: value for name, value in entry.items() if value is not None})
        yield moved


def with_progress(moves: Iterable[Moved], count: Callable[[], int], what: str) -> Iterator[Moved]:
    """Yield results one by one, with a progress bar if stderr is a terminal.

    Args:
        count: Returns how many there will be.
    """
    counts: Counter[Outcome] = Counter()
    try:
        for moved in _with_bar(moves, count, what):
            counts[moved.outcome] += 1
            yield moved
    except (StoreUnavailable, KeyboardInterrupt):
        print_info(f"stopped after: {summarize(counts)}; run it again to continue")
        raise


def _with_bar(moves: Iterable[Moved], count: Callable[[], int], what: str) -> Iterator[Moved]:
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield from moves
        return
    from rich.progress import Progress

    with Progress(*Progress.get_default_columns(), console=screen, transient=True) as bar:
        yield from bar.track(moves, count(), description=what)


def as_dict(moved: Moved) -> dict[str, Any]:
    """Return a result as JSON."""
    return {
        "user": moved.user,
        "id": moved.id,
        "target_id": moved.target_id,
        "outcome": moved.outcome.value,
        "problem": moved.problem,
        "verified": moved.verified,
        "deleted": moved.deleted,
    }


def print_outcomes(moves: Sequence[Moved]) -> None:
    """Print a line for each result."""
    columns = ("user", "id", "id there", "outcome", "problem")
    lines = [
        (moved.user, moved.id, moved.target_id, moved.outcome.value, moved.problem)
        for moved in moves
    ]
    screen = console()
    if lines:
        screen.print(table(columns, lines, screen.width))
        typer.echo()


def summarize(counts: Counter[Outcome]) -> str:
    """Return how many tokens had which outcome, in words."""
    parts = [f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome]]
    return ", ".join(parts) or "no tokens"
