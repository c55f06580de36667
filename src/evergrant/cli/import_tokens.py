"""``evergrant import``: copies tokens from elsewhere into the store."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

import evergrant
from evergrant import transfer
from evergrant._text import json_text
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.foreign_source import is_foreign, read_foreign
from evergrant.cli.messages import print_error, print_info
from evergrant.cli.move import DryRun, open_for_preview, resolve_store_url
from evergrant.cli.options import AsJson, settings_of
from evergrant.cli.transfer_output import (
    as_dict,
    print_outcomes,
    summarize,
    with_audit,
    with_progress,
)
from evergrant.config import Settings
from evergrant.errors import ConfigError
from evergrant.transfer.formats import DEFAULT_PREFIX, token_from_environment, tokens_from_json

if TYPE_CHECKING:
    from evergrant.cli.adopt_owners import Resolved

__all__ = ["import_tokens"]

Copy = Callable[..., Iterator[transfer.Moved]]
"""Copies the source into a store; with ``dry_run=True`` it only says what would happen."""


def import_tokens(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A store's URL, a file with tokens in another shape, env:NAME (a variable with "
            "the URL), env: (a token in ZOHO_...), or - (JSON on stdin).",
        ),
    ],
    *,
    prefix: Annotated[
        str | None,
        typer.Option(
            metavar="PREFIX",
            help=f"With env:, the prefix of the variables. Default: {DEFAULT_PREFIX}.",
        ),
    ] = None,
    partial_too: Annotated[
        bool,
        typer.Option("--partial", help="Import what can be imported, even if some tokens cannot."),
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import tokens from another store, a file, the environment or JSON: all or none.

    The source is not changed. A fresher token that the store already holds stays. Of a file in
    another shape than evergrant's, Zoho is asked whose each grant is.
    """
    settings = settings_of(context)
    with _open_source(source, prefix, settings, ask=not dry_run) as copied:
        with open_for_preview(settings.store) as store:
            moves = planned = list(copied(store, dry_run=True))
        good = all(moved.is_good for moved in moves)
        imported = not dry_run and (good or partial_too)
        if imported:
            with evergrant.open_store(settings.store) as store:
                copying = with_audit(settings, copied(store), store.url)
                moves = list(with_progress(copying, lambda: len(planned), "importing"))
    _print(moves, as_json=as_json)
    if not imported:
        print_info("nothing was imported" + (": a dry run" if dry_run else ""))
    if bad := sum(not moved.is_good for moved in moves):
        print_error(f"{bad} of {len(moves)} tokens cannot be imported: see their problem")
        raise typer.Exit(ExitCode.BAD_RESULT)


@contextmanager
def _open_source(
    source: str, prefix: str | None, settings: Settings, *, ask: bool
) -> Iterator[Copy]:
    if prefix is not None and source != "env:":
        raise ConfigError("--prefix is only for the source env:")
    if source == "-":
        yield partial(transfer.copy, tokens_from_json(sys.stdin.buffer))
    elif source == "env:":
        token = token_from_environment(DEFAULT_PREFIX if prefix is None else prefix)
        yield partial(transfer.copy, [token])
    elif is_foreign(url := resolve_store_url(source)):
        resolved = read_foreign(url, settings, ask=ask)
        yield partial(_copy_resolved, resolved)
    else:
        with evergrant.open_store(url, read_only=True) as store:
            yield partial(transfer.move, store)


def _copy_resolved(
    resolved: Sequence[Resolved], store: evergrant.TokenStore, *, dry_run: bool = False
) -> Iterator[transfer.Moved]:
    tokens = [one.token for one in resolved if one.token]
    yield from transfer.copy(tokens, store, dry_run=dry_run)
    for one in resolved:
        if one.token is None:
            failed = transfer.Outcome.FAILED
            yield transfer.Moved(outcome=failed, user=one.found.key, problem=one.note)


def _print(moves: list[transfer.Moved], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_text([as_dict(one) for one in moves], indent=2))
    else:
        print_outcomes(moves)
        typer.echo(summarize(Counter(moved.outcome for moved in moves)))
