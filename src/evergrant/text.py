"""Text from anywhere, made fit for people to see."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """Return text without characters that could steer a terminal, or forge a line of a log."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
