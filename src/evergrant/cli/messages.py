"""Messages of the command line: results go to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from datetime import datetime
from getpass import getpass

import typer

from evergrant._text import printable
from evergrant.errors import ConfigError, EvergrantError, Throttled

__all__ = ["ask_secret", "confirm", "format_time", "print_error", "print_info", "print_warning"]


def format_time(at: datetime) -> str:
    """Format a time for people."""
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def print_info(text: str) -> None:
    """Print a message beside the result."""
    typer.echo(printable(text), err=True)


def print_warning(text: str) -> None:
    """Print a problem that does not stop the command."""
    typer.echo(f"{_prefix(typer.colors.YELLOW)} warning: {printable(text)}", err=True)


def print_error(error: EvergrantError | str) -> None:
    """Print what happened, and what to do next."""
    text = str(error)
    if isinstance(error, Throttled):
        text += f" Zoho accepts requests again at {error.retry_at:%H:%M:%S %Z}."
    typer.echo(f"{_prefix(typer.colors.RED)} {printable(text)}", err=True)


def _prefix(color: str) -> str:
    return typer.style("evergrant:", fg=color, bold=True)


def confirm(question: str, *, yes: bool) -> bool:
    """Return True if the user confirms something that cannot be undone.

    Raises:
        ConfigError: There is no terminal to ask on, and ``--yes`` was not given.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} There is no terminal to ask on", hint="Add --yes.")
    if typer.confirm(printable(question), err=True):
        return True
    print_info("nothing was changed")
    return False


def ask_secret(what: str, *, otherwise: str) -> str:
    """Ask for a secret with a hidden prompt, or read a line of stdin if that is no terminal.

    Args:
        otherwise: The hint for an empty answer: other ways to give the secret.

    Raises:
        ConfigError: The answer is empty.
    """
    try:
        # Not typer.prompt: it prints the question first and shows what is typed before it hides.
        value = getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline()
    except EOFError:
        value = ""
    if not value.strip():
        raise ConfigError(f"no {what[0].lower()}{what[1:]}", hint=otherwise)
    return value.strip()
