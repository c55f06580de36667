"""How the command line speaks: answers to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from datetime import datetime
from getpass import getpass

import typer

from evergrant.errors import ConfigError, EvergrantError, Throttled
from evergrant.text import printable

__all__ = ["ask_secret", "complain", "confirmed", "moment", "note", "warn"]


def moment(at: datetime) -> str:
    """Return a moment as people read it."""
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def note(text: str) -> None:
    """Say something beside the answer."""
    typer.echo(printable(text), err=True)


def warn(text: str) -> None:
    """Say what is not right, and does not stop us."""
    typer.echo(f"{_name(typer.colors.YELLOW)} warning: {printable(text)}", err=True)


def complain(error: EvergrantError | str) -> None:
    """Say what happened, and what to do next."""
    text = str(error)
    if isinstance(error, Throttled):
        text += f" Zoho takes requests again at {error.retry_at:%H:%M:%S %Z}."
    typer.echo(f"{_name(typer.colors.RED)} {printable(text)}", err=True)


def _name(color: str) -> str:
    return typer.style("evergrant:", fg=color, bold=True)


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask before something that cannot be undone.

    Raises:
        ConfigError: There is no terminal to answer on, and ``--yes`` was not given.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} There is no terminal to answer on", hint="Give --yes.")
    if typer.confirm(printable(question), err=True):
        return True
    note("nothing was changed")
    return False


def ask_secret(what: str, *, otherwise: str) -> str:
    """Return a secret that was typed unseen, or the next line of stdin where that is no terminal.

    Args:
        otherwise: How else to give it, said when nothing came.

    Raises:
        ConfigError: Nothing came.
    """
    try:
        # Not by typer.prompt: it asks before it hides, and shows what is typed meanwhile.
        value = getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline()
    except EOFError:
        value = ""
    if not value.strip():
        raise ConfigError(f"no {what[0].lower()}{what[1:]}", hint=otherwise)
    return value.strip()
