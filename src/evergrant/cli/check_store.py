"""``evergrant check-store``: checks which promises of the contract your own store keeps."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from evergrant._text import json_text, printable
from evergrant.cli.columns import display_text, fold
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.messages import print_info
from evergrant.cli.options import AsJson
from evergrant.cli.tables import console, table
from evergrant.errors import MissingExtra

if TYPE_CHECKING:
    from evergrant.testing.check import Report

__all__ = ["check_store"]


def check_store(
    factory: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FACTORY",
            help="A class or function that makes a new, empty store. If it takes an argument, it "
            "gets a folder for its files.",
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Check your own store against the contract.

    Never pass a store that is in use: the checks save and delete tokens. A store that holds
    tokens is refused. Exits with 1 if a promise is broken.
    """
    if not importlib.util.find_spec("pytest"):
        raise MissingExtra("check-store", extra="testing")
    from evergrant.testing import check

    print_info(f"checking what {factory} makes; this may take a minute")
    report = check.check_store(factory)
    if as_json:
        told = asdict(report) | {"broken": report.broken, "notes": report.notes}
        typer.echo(json_text(told, indent=2))
    else:
        screen = console()
        screen.print(table(("", "promise", "why not"), _table_rows(report), screen.width))
        for text in report.notes:
            typer.echo("\n".join(fold(display_text(text), screen.width)))
        typer.echo(printable(_format_verdict(report)))
    if report.broken:
        raise typer.Exit(ExitCode.BAD_RESULT)


def _table_rows(report: Report) -> Iterator[tuple[str, str, str]]:
    for group, promises in groupby(report.promises, key=lambda promise: promise.group):
        yield " ", group, " "
        for promise in promises:
            yield promise.state, f"  {promise.text}", promise.reason or " "


def _format_verdict(report: Report) -> str:
    kept = sum(promise.state == "kept" for promise in report.promises)
    beyond = len(report.promises) - kept - report.broken
    also = f", {beyond} need more than six methods" if beyond else ""
    return f"{report.store}: {kept} promises kept, {report.broken} broken{also}"
