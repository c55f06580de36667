"""The commands, in the order of the help."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from evergrant._masking import masks_locals
from evergrant.cli import (
    api,
    audit,
    check_store,
    demo,
    doctor,
    import_tokens,
    keep,
    keys,
    login,
    move,
    purge,
    sandbox,
    tokens,
    why,
)
from evergrant.cli.exit_codes import ExitCode, exit_code
from evergrant.cli.help import DocumentedCommand, DocumentedGroup
from evergrant.cli.messages import print_error
from evergrant.cli.options import Options, move_global_options_first
from evergrant.errors import ConfigError, EvergrantError

__all__ = ["app"]


class Commands(DocumentedGroup):
    """Takes the global options anywhere, and ends every failure in one sentence and a code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what was typed."""
        return super().parse_args(ctx, move_global_options_first(args))

    @masks_locals
    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse; ``--help`` and ``--version`` print from here.

        Raises:
            typer.Exit: Whoever read the output stopped reading.
        """
        with _flushing_output():
            return super().make_context(*args, **kwargs)

    @masks_locals
    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Raises:
            typer.Exit: It did not go well.
        """
        try:
            with _flushing_output():
                return super().invoke(ctx)
        except EvergrantError as error:
            print_error(error)
            raise typer.Exit(exit_code(error)) from None
        except ConnectionError as error:
            print_error(f"{error}. Is the sandbox still running?")
            raise typer.Exit(ExitCode.TRY_AGAIN) from None
        except (KeyboardInterrupt, typer.Abort):
            raise typer.Exit(ExitCode.INTERRUPTED) from None


@contextmanager
def _flushing_output() -> Iterator[None]:
    """End with the code for it if whoever reads the output stops reading."""
    try:
        yield
        # Here, where a broken pipe can still be dealt with; not at the interpreter's end.
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.BROKEN_PIPE) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    # Plain help: laying it out with Rich would take longer than everything else.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        version()
        raise typer.Exit


def version() -> None:
    """Print the version."""
    from importlib.metadata import version

    typer.echo(f"evergrant {version('evergrant')}")


def help_(
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]", help="Such as login, or keys rotate.")
    ] = None,
) -> None:
    """Show this help, or that of a command."""
    at: Any = context.find_root()
    for name in command or ():
        found = at.command.get_command(at, name) if hasattr(at.command, "commands") else None
        if found is None:
            known = ", ".join(getattr(at.command, "commands", ()))
            raise ConfigError(
                f"there is no command {name!r}", hint=known and f"There are: {known}."
            )
        at = typer.Context(found, info_name=name, parent=at)
    typer.echo(at.get_help())


@app.callback()
def common(
    context: typer.Context,
    *,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where tokens are kept, such as sqlite:///tokens.db."),
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
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log to stderr.")] = False,
    version: Annotated[  # noqa: ARG001 - answered before anything else
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
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


COMMANDS: Mapping[str, Callable[..., object]] = {
    "demo": demo.demo,
    "sandbox": sandbox.sandbox,
    "login": login.login,
    "list": tokens.list_all,
    "show": tokens.show,
    "token": tokens.token,
    "api": api.api,
    "refresh": tokens.refresh,
    "keep": keep.keep,
    "revoke": tokens.revoke,
    "delete": tokens.delete,
    "purge": purge.purge,
    "move": move.move,
    "import": import_tokens.import_tokens,
    "why": why.why,
    "doctor": doctor.doctor,
    "check-store": check_store.check_store,
    "help": help_,
    "version": version,
}
for _name, _function in COMMANDS.items():
    app.command(_name, cls=DocumentedCommand)(_function)
app.add_typer(keys.keys, name="keys")
app.add_typer(audit.audit, name="audit")
