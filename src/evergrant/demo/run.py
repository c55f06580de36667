"""Runs the demo: sets everything up, runs each step, and stops at the first that fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from evergrant._files.locations import scratch_folder
from evergrant.accounts import Accounts
from evergrant.demo.story import STEPS, DemoContext, StepFailed
from evergrant.errors import EvergrantError
from evergrant.keeper import Keeper
from evergrant.sandbox import Sandbox
from evergrant.stores import open_store

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["run_demo"]

TokenTable = Callable[[Keeper], "RenderableType"]


def run_demo(console: Console, token_table: TokenTable) -> bool:
    """Run the demo; return True if every step succeeded.

    Args:
        console: Where to print.
        token_table: Lays out the tokens of a Keeper, shown at the end.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        scene = _set_up(stack)
        console.print(f"A local Zoho listens at {scene.zoho.url}; nothing leaves this machine.")
        console.print(f"Tokens are kept in {scene.store.url}\n")
        for number, step in enumerate(STEPS, 1):
            console.print(f"{number}. {step.__doc__}", style="bold")
            try:
                for line in step(scene):
                    console.print(f"   ok  {line}")
            except Exception as failed:  # noqa: BLE001 - whatever it was, the step failed
                known = isinstance(failed, StepFailed | EvergrantError)
                why = str(failed) if known else repr(failed)
                console.print(f"   FAILED at step {number}: {why}", style="bold red")
                return False
            console.print()
        console.print("What the store holds now:\n", style="bold")
        console.print(token_table(scene.keeper))
    console.print(f"\nEvery step was checked, in {time.monotonic() - began:.1f} s.")
    return True


def _set_up(stack: ExitStack) -> DemoContext:
    folder = Path(stack.enter_context(scratch_folder()))
    zoho = stack.enter_context(Sandbox())
    store = stack.enter_context(open_store(f"sqlite:///{folder}/tokens.db", clock=zoho.clock))
    accounts = stack.enter_context(
        Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            redirect_url="http://127.0.0.1/callback",
            data_centers=zoho.data_centers,
            clock=zoho.clock,
        )
    )
    return DemoContext(zoho, store, Keeper(store, accounts, lifeboat=folder), folder, stack)
