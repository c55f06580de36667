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
    adopt,
    api,
    audit,
    check_store,
    demo,
    doctor,
    import_tokens,
    init,
    keep,
    keys,
    login,
    move,
    purge,
    sandbox,
    services,
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
    """Accepts global options before and after the command; prints a failure as one sentence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments."""
        return super().parse_args(ctx, move_global_options_first(args))

    @masks_locals
    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the arguments; ``--help`` and ``--version`` already print here.

        Raises:
            typer.Exit: The reader of the output closed the pipe.
        """
        with _flushing_output():
            return super().make_context(*args, **kwargs)

    @masks_locals
    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Raises:
            typer.Exit: The command failed.
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
    """Exit with the code for a broken pipe if the reader of the output closes it."""
    try:
        yield
        # Flushed here, where a broken pipe can still be handled, not when the interpreter exits.
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more when it exits, and would report an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.BROKEN_PIPE) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    # Plain help: Rich would take longer to lay it out than everything else takes.
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
        list[str] | None,
        typer.Argument(metavar="[COMMAND]", help="A command, such as login or keys rotate."),
    ] = None,
) -> None:
    """Show this help, or the help of a command."""
    at: Any = context.find_root()
    for name in command or ():
        found = at.command.get_command(at, name) if hasattr(at.command, "commands") else None
        if found is None:
            known = ", ".join(getattr(at.command, "commands", ()))
            raise ConfigError(
                f"there is no command {name!r}", hint=known and f"Commands are: {known}."
            )
        at = typer.Context(found, info_name=name, parent=at)
    typer.echo(at.get_help())


@app.callback()
def common(
    context: typer.Context,
    *,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The store to use, such as sqlite:///tokens.db."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read settings from this TOML file.")
    ] = None,
    sandbox: Annotated[
        str | None,
        typer.Option(metavar="[URL]", help="Use a running `evergrant sandbox` instead of Zoho."),
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

    --store, --config and --sandbox may be given before or after the command. docs/cli.md
    describes settings and exit codes, with examples.
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
    "init": init.init,
    "list": tokens.list_all,
    "show": tokens.show,
    "token": tokens.token,
    "api": api.api,
    "orgs": services.orgs,
    "services": services.services,
    "refresh": tokens.refresh,
    "keep": keep.keep,
    "revoke": tokens.revoke,
    "delete": tokens.delete,
    "purge": purge.purge,
    "move": move.move,
    "import": import_tokens.import_tokens,
    "adopt": adopt.adopt,
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
