"""How the command line speaks: answers to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from datetime import datetime
from getpass import getpass

import typer

from evergrant._text import printable
from evergrant.errors import ConfigError, EvergrantError, Throttled

__all__ = ["ask_secret", "confirm", "format_time", "print_error", "print_info", "print_warning"]


def format_time(at: datetime) -> str:
    """Return a moment as people read it."""
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def print_info(text: str) -> None:
    """Say something beside the answer."""
    typer.echo(printable(text), err=True)


def print_warning(text: str) -> None:
    """Say what is not right, and does not stop us."""
    typer.echo(f"{_prefix(typer.colors.YELLOW)} warning: {printable(text)}", err=True)


def print_error(error: EvergrantError | str) -> None:
    """Say what happened, and what to do next."""
    text = str(error)
    if isinstance(error, Throttled):
        text += f" Zoho takes requests again at {error.retry_at:%H:%M:%S %Z}."
    typer.echo(f"{_prefix(typer.colors.RED)} {printable(text)}", err=True)


def _prefix(color: str) -> str:
    return typer.style("evergrant:", fg=color, bold=True)


def confirm(question: str, *, yes: bool) -> bool:
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
    print_info("nothing was changed")
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
