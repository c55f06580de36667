"""The commands, in the order of the help."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from evergrant.cli import (
    api,
    auditing,
    check_store,
    doctor,
    importing,
    keep,
    keys,
    local,
    login,
    moving,
    purging,
    tokens,
)
from evergrant.cli.exits import Exit, exit_code
from evergrant.cli.options import Options, globals_first
from evergrant.cli.speech import complain
from evergrant.errors import EvergrantError

__all__ = ["app"]


class Commands(TyperGroup):
    """Takes the global options anywhere, and ends every failure in one sentence and a code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what was typed."""
        return super().parse_args(ctx, globals_first(args))

    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Raises:
            typer.Exit: It did not go well.
        """
        try:
            result = super().invoke(ctx)
            # Here, where a broken pipe can still be dealt with; not at the interpreter's end.
            sys.stdout.flush()
        except EvergrantError as error:
            complain(error)
            raise typer.Exit(exit_code(error)) from None
        except BrokenPipeError:
            # The interpreter flushes once more at its end, and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Exit.BROKEN_PIPE) from None
        except ConnectionError as error:
            complain(f"{error}. Is the sandbox still running?")
            raise typer.Exit(Exit.TRY_AGAIN) from None
        except (KeyboardInterrupt, typer.Abort):
            raise typer.Exit(Exit.INTERRUPTED) from None
        return result


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    # Plain help: laying it out with Rich would take longer than everything else.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        from importlib.metadata import version

        typer.echo(f"evergrant {version('evergrant')}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    *,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where tokens are kept, such as sqlite:///p.db."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The TOML file to read settings from.")
    ] = None,
    sandbox: Annotated[
        str | None,
        typer.Option(
            metavar="[URL]", help="Talk to a running `evergrant sandbox` instead of Zoho."
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell on stderr what happens.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - answered before anything else
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Log in to Zoho once; stay logged in.

    --store, --config and --sandbox may stand anywhere. Settings, exit codes and examples:
    docs/cli.md.
    """
    context.obj = Options(store, config, sandbox)
    log = logging.getLogger("evergrant")
    log.addHandler(logging.StreamHandler() if verbose else logging.NullHandler())
    if verbose:
        log.setLevel(logging.INFO)


app.command("demo")(local.demo)
app.command("sandbox")(local.sandbox)
app.command("login")(login.login)
app.command("list")(tokens.list_all)
app.command("show")(tokens.show)
app.command("token")(tokens.token)
app.command("api")(api.api)
app.command("refresh")(tokens.refresh)
app.command("keep")(keep.keep)
app.command("revoke")(tokens.revoke)
app.command("delete")(tokens.delete)
app.command("purge")(purging.purge)
app.command("move")(moving.move)
app.command("import")(importing.import_tokens)
app.add_typer(keys.keys, name="keys")
app.command("why")(auditing.why)
app.add_typer(auditing.audit, name="audit")
app.command("doctor")(doctor.doctor)
app.command("check-store")(check_store.check_store)
