"""Cells in columns: aligned, folded to the width of the screen, no blanks at line ends."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

from evergrant._text import printable

__all__ = ["GAP", "Part", "column_widths", "display_text", "fold", "lay_out"]

Part = tuple[str, str]
"""The part of a cell that is on one line, and the whole cell's text, which decides its colour."""

GAP = "  "
"""What separates two columns."""

MIN_COLUMN_WIDTH = 12
"""No column is narrower than this, even on a narrow screen."""

_PIECES = re.compile(r"[^ /@:]+[/@:]*|[/@:]+| +")


def display_text(text: str) -> str:
    """Return text as stdout shows it: what stdout cannot encode is escaped, so widths are right."""
    text = printable(text)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.replace("\N{REPLACEMENT CHARACTER}", "?")
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def fold(text: str, width: int) -> list[str]:
    """Return a cell's lines, broken after a blank, slash, colon or @ if possible.

    Args:
        text: As `display_text` returned it.
        width: How many terminal cells a line may take.
    """
    from rich.cells import cell_len, chop_cells

    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for piece in _PIECES.findall(text):
        if cell_len(lines[-1] + piece.rstrip()) <= width:
            lines[-1] += piece
        elif piece.strip():
            *whole, rest = chop_cells(piece, width)
            lines += [*whole, rest]
    return [line.rstrip() for line in lines if line.strip()] or [""]


def column_widths(rows: Sequence[Sequence[str]], screen: int) -> list[int]:
    """Return the width of each column: its widest cell, or less if the screen is too narrow.

    Args:
        rows: All rows with the heading, as `display_text` returned them.
        screen: How many terminal cells a line may take.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    room = screen - len(GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > MIN_COLUMN_WIDTH:
        widest = max(widths)
        second = max((width for width in widths if width < widest), default=0)
        most = widths.index(widest)
        widths[most] = max(widest - (sum(widths) - room), second - 1, MIN_COLUMN_WIDTH)
    return widths


def lay_out(row: Sequence[str], widths: Sequence[int]) -> Iterator[list[Part]]:
    """Yield the lines of a row, each as its parts, gaps included."""
    from rich.cells import cell_len

    folded = [fold(cell, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, folded))):
        line: list[Part] = []
        blanks = ""
        for cell, parts, width in zip(row, folded, widths, strict=True):
            part = parts[number] if number < len(parts) else ""
            if part.strip():
                line += [(blanks, ""), (part, cell)]
                blanks = ""
            else:
                blanks += part
            blanks += " " * (width - cell_len(part)) + GAP
        yield line
