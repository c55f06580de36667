"""Moments as CRM v8 writes them: ISO-8601 with an offset, no milliseconds."""

from __future__ import annotations

from datetime import datetime

__all__ = ["parse", "stamp"]


def stamp(moment: datetime) -> str:
    """Write an aware moment."""
    return moment.isoformat(timespec="seconds")


def parse(text: str) -> datetime | None:
    """Read a moment; None where the text is none, or has no offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo and "T" in text else None
