"""``evergrant demo``: shows logins, refreshes, a killed process and a revocation, locally."""

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

    def make_table(keeper: Keeper) -> Text:
        rows = read_rows(keeper.store, keeper.accounts, keeper.states)
        return token_table(list(rows), screen.width)

    if not run_demo(screen, make_table):
        raise typer.Exit(ExitCode.BAD_RESULT)
