"""``evergrant import``: tokens from elsewhere, into the store in use."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer

import evergrant
from evergrant import moving
from evergrant.cli.auditing import noted
from evergrant.cli.exits import Exit
from evergrant.cli.moving import DryRun, named_store, opened_to_look
from evergrant.cli.options import AsJson, settings_of
from evergrant.cli.outcomes import described, print_outcomes, summary, watched
from evergrant.cli.speech import complain, note
from evergrant.errors import ConfigError
from evergrant.moving.records import PREFIX, token_from_environment, tokens_from_json
from evergrant.text import json_text

__all__ = ["import_tokens"]

Copy = Callable[..., Iterator[moving.Moved]]
"""Copies what comes in into a store; with ``dry_run=True`` it only says what would happen."""


def import_tokens(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A store's URL, env:NAME (a variable with the URL), env: (a token in ZOHO_...), "
            "or - (JSON).",
        ),
    ],
    *,
    prefix: Annotated[
        str | None,
        typer.Option(
            metavar="PREFIX", help=f"With env:, what variables begin with; by default {PREFIX}."
        ),
    ] = None,
    partial_too: Annotated[
        bool, typer.Option("--partial", help="Import what can be imported, even if not all can.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import tokens from another store, the environment, or JSON on stdin; all or none.

    The source stays as it is, and a fresher token that is there already, too.
    """
    settings = settings_of(context)
    with _incoming(source, prefix) as copied:
        with opened_to_look(settings.store) as store:
            moves = planned = list(copied(store, dry_run=True))
        good = all(moved.is_good for moved in moves)
        imported = not dry_run and (good or partial_too)
        if imported:
            with evergrant.open_store(settings.store) as store:
                copying = noted(settings, copied(store), store.url)
                moves = list(watched(copying, lambda: len(planned), "importing"))
    _print(moves, as_json=as_json)
    if not imported:
        note("nothing was imported" + (": a dry run" if dry_run else ""))
    if bad := sum(not moved.is_good for moved in moves):
        complain(f"{bad} of {len(moves)} tokens cannot be imported: see their problem")
        raise typer.Exit(Exit.BAD_RESULT)


@contextmanager
def _incoming(source: str, prefix: str | None) -> Iterator[Copy]:
    if prefix is not None and source != "env:":
        raise ConfigError("--prefix is for the source env: only")
    if source == "-":
        yield partial(moving.copy, tokens_from_json(sys.stdin.buffer))
    elif source == "env:":
        token = token_from_environment(PREFIX if prefix is None else prefix)
        yield partial(moving.copy, [token])
    else:
        with evergrant.open_store(named_store(source), read_only=True) as store:
            yield partial(moving.move, store)


def _print(moves: list[moving.Moved], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_text([described(one) for one in moves], indent=2))
    else:
        print_outcomes(moves)
        typer.echo(summary(Counter(moved.outcome for moved in moves)))
