"""Options that several commands share, and global options, which are accepted anywhere."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer

from evergrant.cli.messages import print_warning
from evergrant.config import Settings, load_settings
from evergrant.errors import ConfigError, StoreMissing
from evergrant.stores.urls import hide_password

__all__ = [
    "SANDBOX_PORT",
    "AsJson",
    "Options",
    "OrgId",
    "ServiceName",
    "SomeUser",
    "TokenId",
    "Yes",
    "complete_service",
    "complete_user",
    "move_global_options_first",
    "require_folder",
    "settings_of",
]

SANDBOX_PORT = 8790
"""The port of ``evergrant sandbox`` unless another is given."""

_GLOBAL_OPTIONS = ("--store", "--config", "--sandbox")

MAX_COMPLETED = 10_000
"""How many tokens are read to complete a user's name."""


def complete_service(incomplete: str) -> list[str]:
    """Return the names of services that begin like this, for the shell's completion."""
    from evergrant.services import SERVICES

    return [name for name in SERVICES if name.startswith(incomplete.lower())]


def complete_user(incomplete: str) -> list[str]:
    """Return the users of the store whose names begin like this, for the shell's completion."""
    import evergrant

    try:
        with evergrant.open_store(load_settings().store, read_only=True) as store:
            tokens = islice(store.iter_tokens(on_corrupt=lambda _: None), MAX_COMPLETED)
            names = {token.user_name for token in tokens if token.user_name}
    except Exception:  # noqa: BLE001 - a traceback would fill the prompt
        return []
    return sorted(name for name in names if name.lower().startswith(incomplete.lower()))


SomeUser = Annotated[
    str | None,
    typer.Argument(
        metavar="[USER]",
        help="The user, as `evergrant list` shows it.",
        autocompletion=complete_user,
    ),
]
TokenId = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="The token's id, instead of USER.")
]
ServiceName = Annotated[
    str | None,
    typer.Option(
        "--service",
        "-s",
        metavar="NAME",
        help="A Zoho service, as `evergrant services` lists it.",
        autocompletion=complete_service,
    ),
]
OrgId = Annotated[
    str | None,
    typer.Option("--org", metavar="ID", help="The org or portal, as `evergrant orgs` lists it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


@dataclass(frozen=True, slots=True)
class Options:
    """The global options that were given."""

    store: str | None = None
    config: Path | None = None
    sandbox: str | None = None


def settings_of(context: typer.Context) -> Settings:
    """Return the settings for this command; warn if others can read a secret in the file.

    Raises:
        ConfigError: See `load_settings`.
    """
    given: Options = context.find_object(Options) or Options()
    for option, value in (("--store", given.store), ("--sandbox", given.sandbox)):
        if value is not None and not value.strip():
            raise ConfigError(f"{option} is empty", hint="Give a URL, or leave out the option.")
    if given.store:
        require_folder(given.store)
    settings = load_settings(given.config, store=given.store, sandbox=given.sandbox)
    if settings.warning:
        print_warning(settings.warning)
    return settings


def require_folder(url: str) -> None:
    """Refuse the URL of a file that cannot exist, because of a typing error.

    Raises:
        StoreMissing: The URL names a folder, or a file in a folder that does not exist.
    """
    scheme, _, location = url.partition(":")
    if scheme.lower() not in {"sqlite", "file"} or not location.startswith("//"):
        return
    file = Path(unquote(location.removeprefix("//").removeprefix("/").partition("?")[0]))
    if scheme.lower() == "file":
        file = Path("/", file)
    if file.is_dir():
        raise StoreMissing(
            f"{hide_password(url)} is a folder, not a store", hint="Name a file in it."
        )
    folder = file.parent
    if not folder.exists():
        raise StoreMissing(
            f"there is no folder {folder} for the store {hide_password(url)}",
            hint=f"Correct the URL, or create the folder: mkdir -p {shlex.quote(str(folder))}",
        )


def _is_address(argument: str) -> bool:
    return "://" in argument or not argument.strip()  # an empty one is refused later


def move_global_options_first(arguments: Sequence[str]) -> list[str]:
    """Move global options to the front, where the parser expects them.

    A bare ``--sandbox`` gets the address at which ``evergrant sandbox`` listens by default.
    """
    first: list[str] = []
    others: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        name, has_value, _ = argument.partition("=")
        if argument == "--":
            return [*first, *others, argument, *left]
        if name not in _GLOBAL_OPTIONS:
            others.append(argument)
        elif has_value:
            first.append(argument)
        elif name == "--sandbox" and not (left and _is_address(left[0])):
            first.append(f"--sandbox=http://127.0.0.1:{SANDBOX_PORT}")
        elif left:
            first.append(f"{name}={left.pop(0)}")
        else:
            others.append(argument)
    return first + others
