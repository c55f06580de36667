"""Prints events, one per line, for people or as JSON. A repeated failure is printed once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import typer

from evergrant._text import json_text, printable
from evergrant.cli.messages import format_time
from evergrant.errors import StoreUnavailable
from evergrant.events import (
    Event,
    Refreshed,
    RefreshFailed,
    Restored,
    SaveFailed,
    StoreFailed,
    StoreRecovered,
)

__all__ = ["EventPrinter"]

_NAMES: dict[type[Event], str] = {
    Refreshed: "refreshed",
    RefreshFailed: "failed",
    SaveFailed: "not saved",
    Restored: "saved",
    StoreFailed: "store failed",
    StoreRecovered: "store recovered",
}


class EventPrinter:
    """Prints events to stdout.

    Attributes:
        failed: True if any event so far was a failure.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.failed = False
        self._as_json = as_json
        self._known: dict[str | None, str] = {}

    def print_event(self, event: Event) -> None:
        """Print an event, unless it repeats the last failure of its token or of the store."""
        if isinstance(event, RefreshFailed) and isinstance(event.error, StoreUnavailable):
            # Every refresh that is running fails in the same way: one line is enough.
            event = StoreFailed(at=event.at, error=event.error)
        if isinstance(event, StoreRecovered) and None not in self._known:
            return
        said = _describe(event)
        whom, error = event.token_id or event.user, said.get("error")
        self.failed = self.failed or bool(error)
        if error is None:
            self._known.pop(whom, None)
        elif self._known.get(whom) == error:
            return
        else:
            self._known[whom] = error
        self.print(said, _format_sentence(event, said))

    def print(self, said: dict[str, Any], sentence: str) -> None:
        """Print the fields as JSON, or the sentence for people."""
        if self._as_json:
            typer.echo(json_text(said))
        else:
            typer.echo(printable(f"{format_time(datetime.fromisoformat(said['at']))} {sentence}"))


def _describe(event: Event) -> dict[str, Any]:
    said: dict[str, Any] = {
        "at": event.at.isoformat(),
        "event": _NAMES.get(type(event), type(event).__name__),
    }
    if event.token_id or event.user:
        said |= {"user": event.user, "token_id": event.token_id}
    match event:
        case Refreshed(expires_at=expires_at):
            said["expires_at"] = expires_at.isoformat() if expires_at else None
        case RefreshFailed(error=error) | SaveFailed(error=error) | StoreFailed(error=error):
            said |= {
                "error": type(error).__name__,
                "problem": f"{error.message}. {error.hint}".strip(),
            }
    if isinstance(event, SaveFailed):
        said["lifeboat"] = str(event.lifeboat) if event.lifeboat else None
    return said


def _format_sentence(event: Event, said: dict[str, Any]) -> str:
    text = " ".join(filter(None, (said["event"], event.user or event.token_id)))
    if isinstance(event, Refreshed) and event.expires_at:
        text += f" until {format_time(event.expires_at)}"
    if "problem" in said:
        text += f": {said['problem']}"
    if isinstance(event, SaveFailed):
        text += f" It waits in {event.lifeboat or 'the memory of this process'}."
    return text
