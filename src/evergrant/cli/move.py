"""``evergrant move``: copies tokens from one store to another, and verifies each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

import evergrant
from evergrant import transfer
from evergrant._text import json_text
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.messages import print_error, print_info
from evergrant.cli.options import AsJson, require_folder, settings_of
from evergrant.cli.resources import open_for_reading, require_persistent_store
from evergrant.cli.transfer_output import (
    as_dict,
    print_outcomes,
    summarize,
    with_audit,
    with_progress,
)
from evergrant.errors import ConfigError

__all__ = ["DryRun", "move", "open_for_preview", "resolve_store_url"]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would happen.")]


@dataclass
class Tally:
    """Counts results, and remembers the tokens that need attention."""

    counts: Counter[transfer.Outcome] = field(default_factory=Counter)
    deleted: int = 0
    bad: int = 0
    notable: list[transfer.Moved] = field(default_factory=list)

    def add(self, moves: Iterable[transfer.Moved]) -> None:
        """Count results."""
        for moved in moves:
            self.counts[moved.outcome] += 1
            self.deleted += moved.deleted
            self.bad += not moved.is_good
            renumbered = moved.outcome is transfer.Outcome.NEW and moved.target_id != moved.id
            if moved.problem or renumbered:
                self.notable.append(moved)


def move(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="A store's URL, or env:NAME.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="A store's URL, or env:NAME.")],
    *,
    dry_run: DryRun = False,
    delete_source: Annotated[
        bool,
        typer.Option(
            "--delete-source", help="Delete each token from FROM after it was read back from TO."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy every token from one store to another, and read each back.

    After an interruption, run it again to continue. A fresher token in TO stays. FROM is only
    changed with --delete-source. env:NAME means the URL in that variable. Exits with 1 if a
    token was not moved.
    """
    tally = Tally()
    with _open_both(source, target, dry_run=dry_run, delete_source=delete_source) as (
        origin,
        there,
    ):
        where = {"source": origin.url, "target": there.url, "dry_run": dry_run}
        moves: Iterable[transfer.Moved] = transfer.move(
            origin, there, dry_run=dry_run, delete_source=delete_source
        )
        if not dry_run:
            moves = with_audit(settings_of(context), moves, there.url)
        tally.add(with_progress(moves, lambda: _count_tokens(origin), "moving"))
    _print(tally, where, as_json=as_json)
    if tally.bad:
        print_error(f"{tally.bad} of {tally.counts.total()} tokens have a problem: see above")
        raise typer.Exit(ExitCode.BAD_RESULT)


def resolve_store_url(name: str) -> str:
    """Return the URL as given, or the one in the variable of ``env:NAME``.

    Raises:
        ConfigError: There is no such variable.
    """
    scheme, _, variable = name.partition(":")
    if scheme != "env":
        return name
    url = os.environ.get(variable)
    if not url:
        raise ConfigError(
            f"no environment variable {variable!r} holds the URL of a store",
            hint="env:NAME means the store whose URL is in the variable NAME.",
        )
    return url


@contextmanager
def open_for_preview(url: str) -> Iterator[evergrant.TokenStore]:
    """Open a target without changing it. If it does not exist yet, an empty store is used.

    Raises:
        ConfigError: The target would not outlive this process.
    """
    require_persistent_store(url)
    with open_for_reading(url) as store:
        yield store


@contextmanager
def _open_both(
    source: str, target: str, *, dry_run: bool, delete_source: bool
) -> Iterator[tuple[evergrant.TokenStore, evergrant.TokenStore]]:
    source, target = resolve_store_url(source), resolve_store_url(target)
    require_folder(target)
    with evergrant.open_store(source, read_only=True) as origin, open_for_preview(target) as there:
        # Checked before either is opened for writing.
        transfer.refuse_same(origin, there)
        if dry_run:
            yield origin, there
            return
    with (
        evergrant.open_store(source, read_only=not delete_source) as origin,
        evergrant.open_store(target) as there,
    ):
        yield origin, there


def _count_tokens(store: evergrant.TokenStore) -> int:
    return sum(1 for _ in store.iter_tokens(on_corrupt=lambda _: None))


def _print(tally: Tally, where: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        told = {
            **where,
            "counts": {outcome.value: tally.counts[outcome] for outcome in transfer.Outcome},
            "deleted": tally.deleted,
            "tokens": [as_dict(moved) for moved in tally.notable],
        }
        typer.echo(json_text(told, indent=2))
        return
    print_outcomes(tally.notable)
    deleted = f"; {tally.deleted} deleted from {where['source']}" if tally.deleted else ""
    typer.echo(f"{summarize(tally.counts)}{deleted}")
    if where["dry_run"]:
        print_info("dry run: nothing was changed")
