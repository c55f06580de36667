"""``evergrant demo``: the whole story, against a local Zoho."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from evergrant.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.text import Text

    from evergrant.keeper import Keeper

__all__ = ["demo"]


def demo() -> None:
    """Show what evergrant does, against a local Zoho, in ten seconds, without any setup."""
    from evergrant.cli.tables import console, read_rows, token_table
    from evergrant.demo import run_demo

    screen = console()

    def laid_out(keeper: Keeper) -> Text:
        rows = read_rows(keeper.store, keeper.accounts, keeper.states)
        return token_table(list(rows), screen.width)

    if not run_demo(screen, laid_out):
        raise typer.Exit(ExitCode.BAD_RESULT)
