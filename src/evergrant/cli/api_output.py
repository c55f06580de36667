"""Prints the answers of ``evergrant api``: unchanged, coloured on a terminal, or filtered."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import typer

from evergrant._text import json_text, printable
from evergrant.cli.tables import console
from evergrant.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    import httpx2

__all__ = ["JqFilter", "print_body", "print_head"]


class JqFilter:
    """A filter in the language of jq.

    Raises:
        MissingExtra: The package ``jq`` is not installed.
        ConfigError: The filter is not valid.
    """

    def __init__(self, text: str) -> None:
        try:
            import jq
        except ImportError:
            raise MissingExtra("--jq", extra="jq") from None
        try:
            self._program = jq.compile(text)
        except ValueError as error:
            why = str(error).partition("\n")[0]
            raise ConfigError(f"--jq {text[:200]!r} is not a jq filter: {why}") from None

    def lines(self, value: Any) -> list[str]:
        """Return a line for each value that the filter selects: a text as it is, others as JSON.

        Raises:
            ConfigError: The filter does not fit the answer.
        """
        try:
            found = self._program.input_value(value).all()
        except ValueError as error:
            raise ConfigError(f"--jq does not fit the answer: {error}") from None
        return [one if isinstance(one, str) else json_text(one) for one in found]


def print_head(answer: httpx2.Response) -> None:
    """Print status and headers."""
    typer.echo(printable(f"{answer.http_version} {answer.status_code} {answer.reason_phrase}"))
    for name, value in answer.headers.items():
        typer.echo(printable(f"{name}: {value}"))
    typer.echo()


def print_body(answer: httpx2.Response, items: list[Any] | None, wanted: JqFilter | None) -> None:
    """Print an answer.

    Args:
        items: The items of all pages, which are printed instead of the answer, or None.
        wanted: Selects what is printed. An error of the API is printed unchanged.
    """
    on_terminal = sys.stdout.isatty()
    if answer.is_error or (items is None and wanted is None):
        if on_terminal:
            _print_colored(answer)
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(answer.content)
        return
    value = _parse_json(answer) if items is None else items
    if wanted is not None:
        for line in wanted.lines(value):
            typer.echo(printable(line) if on_terminal else line)
    elif on_terminal:
        _print_json(value)
    else:
        typer.echo(json.dumps(value, ensure_ascii=False))


def _parse_json(answer: httpx2.Response) -> Any:
    try:
        return json.loads(answer.content or b"null")
    except (ValueError, RecursionError):
        raise ConfigError("the answer is not JSON", hint="Leave out --jq to see it.") from None


def _print_colored(answer: httpx2.Response) -> None:
    if not answer.content:
        return
    try:
        value = json.loads(answer.content)
    except (ValueError, RecursionError):
        lines = answer.text.splitlines()
        typer.echo("\n".join(printable(line) for line in lines))
    else:
        _print_json(value)


def _print_json(value: Any) -> None:
    from rich.highlighter import JSONHighlighter

    console().print(JSONHighlighter()(json_text(value, indent=2)), soft_wrap=True)
