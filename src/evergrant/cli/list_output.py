"""Prints any number of tokens while they are read: for a screen, for a pipe, or as JSON."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING

import typer

from evergrant._text import json_text, printable
from evergrant.cli.columns import column_widths, display_text, lay_out
from evergrant.cli.tables import (
    MIN_WIDTH_FOR_SCOPES,
    Row,
    console,
    non_empty_columns,
    state_color,
    token_cells,
)

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_as_json", "print_listing"]

SAMPLE_ROWS = 500
"""How many rows decide the width of the columns."""


def print_as_json(rows: Iterable[Row]) -> None:
    """Print the rows as a JSON array, one by one."""
    separator = "[\n"
    for row in rows:
        sys.stdout.write(separator + textwrap.indent(json_text(row, indent=2), "  "))
        separator = ",\n"
    sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def print_listing(rows: Iterable[Row]) -> bool:
    """Print a line for each row; return False if there are no rows.

    On a screen, lines are aligned and coloured, and go through the pager if they do not fit. In a
    pipe, cells are whole, separated by tabs, without a heading, for ``cut`` and ``awk``.
    """
    rows = iter(rows)
    sample = list(islice(rows, SAMPLE_ROWS))
    screen = console()
    if not screen.is_terminal:
        for row in chain(sample, rows):
            cells = token_cells(row, wide=True).values()
            sys.stdout.write("\t".join(printable(cell or "-") for cell in cells) + "\n")
    elif sample:
        lines = _format_lines(sample, rows, screen)
        if len(sample) < screen.height - 1:
            sys.stdout.writelines(lines)
        else:
            _print_through_pager(lines)
    return bool(sample)


def _print_through_pager(lines: Iterable[str]) -> None:
    """Send lines to the pager until it is closed; without a pager, print all of them."""
    pager = shlex.split(os.environ.get("PAGER", "less"))
    if not pager or not shutil.which(pager[0]):
        sys.stdout.writelines(lines)
        return
    # -F: exit if everything fits; -R: colours; -X: do not clear the screen.
    environment = {"LESS": "-FRX", **os.environ}
    with subprocess.Popen(  # noqa: S603 - the user's own pager
        pager, stdin=subprocess.PIPE, text=True, env=environment
    ) as reader:
        with suppress(BrokenPipeError):
            for line in lines:
                reader.stdin.write(line)  # type: ignore[union-attr]
        with suppress(BrokenPipeError):
            reader.stdin.close()  # type: ignore[union-attr]


def _format_lines(sample: Sequence[Row], rest: Iterable[Row], screen: Console) -> Iterator[str]:
    wide = screen.width >= MIN_WIDTH_FOR_SCOPES
    cells = [token_cells(row, wide=wide) for row in sample]
    names = non_empty_columns(cells)
    rows = [[display_text(row[name] or "-") for name in names] for row in cells]
    widths = column_widths([names, *rows], screen.width)
    yield _format_line(names, widths, bold=True)
    for row in rows:
        yield _format_line(row, widths)
    for late in (token_cells(row, wide=wide) for row in rest):
        yield _format_line([display_text(late[name] or "-") for name in names], widths)


def _format_line(row: Sequence[str], widths: Sequence[int], *, bold: bool = False) -> str:
    plain = bool(os.environ.get("NO_COLOR"))
    text = ""
    for line in lay_out(row, widths):
        for part, cell in line:
            color = state_color(cell)
            styled = not plain and (bold or color)
            text += typer.style(part, fg=color, bold=bold or None) if styled else part
        text += "\n"
    return text
