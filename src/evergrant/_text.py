"""Text from anywhere, made fit for people to see.

What can be printed is fit: letters, digits, signs and the ordinary space. What steers terminals
(C0, C1, bidi controls), ends lines (U+2028 and its like) or cannot be encoded (half a character)
is not, and could forge a line of a log.
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["MAX_LENGTH", "escaped", "is_word", "json_text", "printable", "without_line_end"]

MAX_LENGTH = 2_000
"""Characters of a message or a line of a log; what a server sends may have a million."""


def printable(text: str) -> str:
    """Return text for a table or a terminal: each unfit character is a mark in its place."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def escaped(text: str, longest: int = MAX_LENGTH) -> str:
    """Return text as one line of a log or message: unfit characters as Python writes them."""
    if len(text) > longest:
        text = f"{text[:longest]}..."
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


def is_word(text: str) -> bool:
    """Return True if text is one word that a form, header or address carries as it is."""
    return text.isprintable() and not any(map(str.isspace, str.__str__(text)))


def without_line_end(text: str) -> str:
    """Return text without the one line end that files, and commands in a shell, put behind it."""
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return JSON that is read back as it was, and in which all but line ends can be printed."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    # Outside of its strings, JSON has such characters only where it is indented.
    return re.sub(r"[^\n -~]", _json_escape, text)


def _json_escape(found: re.Match[str]) -> Any:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]
