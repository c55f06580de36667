"""``evergrant keys``: makes, shows, rotates and retires the encryption keys."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

import evergrant
from evergrant._crypto.key_file import read_lines, write_lines
from evergrant._crypto.key_format import parse_keys, wrapped_key
from evergrant._crypto.key_sources import keyring_from_environment, keyring_source
from evergrant._crypto.keys import KEY_BYTES
from evergrant._lifeboat.files import all_files, key_id_of_file
from evergrant._text import json_text
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.help import DocumentedCommand, DocumentedGroup
from evergrant.cli.messages import print_info, print_warning
from evergrant.cli.options import AsJson, settings_of
from evergrant.cli.resources import open_audit_log
from evergrant.cli.tables import console, table
from evergrant.config import Settings, config_folder
from evergrant.errors import ConfigError
from evergrant.stores.encrypted import EncryptedStore
from evergrant.token import Secret

__all__ = ["keys"]

keys = typer.Typer(
    cls=DocumentedGroup,
    no_args_is_help=True,
    help="Make, show, rotate and retire the encryption keys.",
)

NOT_ENCRYPTED = "none: not encrypted"
"""Shown in place of a key id for tokens that are not encrypted."""

KeyFile = Annotated[
    Path,
    typer.Option("--file", metavar="FILE", help="The key file. The newest key is its first line."),
]


@keys.command(cls=DocumentedCommand)
def generate(
    *,
    file: KeyFile,
    kms: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Wrap the key with this AWS KMS key (id, ARN or alias)."),
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="REGION", help="The region of the KMS key.")
    ] = None,
) -> None:
    """Add a new key to a key file, which is created if it does not exist.

    The key is never shown.
    """
    if (kms is None) != (region is None):
        raise ConfigError("--kms and --region belong together", hint="Give both, or neither.")
    old = read_lines(file) if file.exists() else []
    if old:
        list(
            parse_keys(Secret("\n".join(old)), str(file))
        )  # never write to a file that is not a key file
    fresh = Secret(
        wrapped_key(kms, region) if kms and region else b64encode(os.urandom(KEY_BYTES)).decode()
    )
    (key,) = parse_keys(fresh, "the new key")
    write_lines(file, [fresh, *old])
    keys_now = "1 key" if not old else f"{len(old) + 1} keys"
    print_info(f"added the key {key.id} to {file}, which now has {keys_now}")
    if old:
        print_info("Copy the file to every host, then run: evergrant keys rotate")
    elif keyring_source() is None:
        print_info(
            f"To use it, set EVERGRANT_KEY_FILE={file.absolute()}. "
            "Without the file, what it encrypted is lost."
        )


@keys.command(cls=DocumentedCommand)
def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show which keys are set, and how much each has encrypted.

    Exits with 1 if a key is missing, or tokens are not encrypted although a key is set.
    """
    ring = keyring_from_environment()
    settings = settings_of(context)
    with evergrant.open_store(settings.store, read_only=True, keys=None) as store:
        counts = store.key_ids()
    boats = [key_id_of_file(path) for path in all_files(config_folder())]
    known = [key.id for key in reversed(ring.oldest_first)] if ring else []
    rows: list[dict[str, Any]] = [
        {
            "key": id_ or NOT_ENCRYPTED,
            "set": id_ in known,
            "encrypts": id_ == (known[0] if known else None),
            "tokens": counts[id_],
            "lifeboat_files": boats.count(id_),
        }
        for id_ in dict.fromkeys([*known, *counts, *boats])
    ]
    if as_json:
        typer.echo(json_text(rows, indent=2))
    elif rows:
        screen = console()
        lines = (
            (
                row["key"],
                _describe_use(row),
                str(row["tokens"]),
                str(row["lifeboat_files"]),
            )
            for row in rows
        )
        screen.print(table(("key", "use", "tokens", "lifeboat files"), lines, screen.width))
    else:
        print_info("no key is set, and nothing is stored")
    missing = [row["key"] for row in rows if not row["set"] and row["key"] != NOT_ENCRYPTED]
    if missing:
        print_warning(f"needed, but not set: {', '.join(missing)}")
    if known and counts[None]:
        print_warning("some tokens are not encrypted; run: evergrant keys rotate --adopt")
    if missing or (known and counts[None]):
        raise typer.Exit(ExitCode.BAD_RESULT)


@keys.command(cls=DocumentedCommand)
def rotate(
    context: typer.Context,
    *,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Also encrypt tokens that are not encrypted yet.")
    ] = False,
) -> None:
    """Encrypt every token with the newest key, while other programs run.

    If it is interrupted, run it again.
    """
    ring = keyring_from_environment()
    if ring is None:
        raise ConfigError(
            "no key is set", hint="Make one: evergrant keys generate --file FILE; then set it."
        )
    settings = settings_of(context)
    with evergrant.open_store(settings.store, keys=ring, adopt=adopt) as store:
        if not isinstance(store, EncryptedStore):
            raise ConfigError(
                f"{store.url} is lost when this command ends: there is nothing to encrypt"
            )
        before = store.key_ids()
        if before[None] and not adopt:
            raise ConfigError(
                f"{before[None]} tokens in {store.url} are not encrypted; nothing was changed",
                hint="Encrypt them: evergrant keys rotate --adopt.",
            )
        with _show_progress(before.total()) as advance:
            for count in store.reencrypt(on_corrupt=lambda error: print_warning(str(error))):
                advance(count)
        if before[None]:
            store.purge_deleted()
        after, newest = store.key_ids(), ring.newest.id
    if left := after.total() - after[newest]:
        # Rows that cannot be read count, and another program may still encrypt with an older key.
        print_warning(f"{left} of {after.total()} tokens are not encrypted with the key {newest}")
        raise typer.Exit(ExitCode.BAD_RESULT)
    _record_event(settings, "KeysRotated", newest)
    done = max(before.total() - before[newest], 0)
    encrypted = "1 token was" if done == 1 else f"{done} tokens were"
    print_info(f"{encrypted} encrypted with the key {newest}, as all now are ({after.total()})")


def _describe_use(row: Mapping[str, Any]) -> str:
    if row["key"] == NOT_ENCRYPTED:
        return "-"
    return "encrypts, decrypts" if row["encrypts"] else "decrypts" if row["set"] else "not set"


@contextmanager
def _show_progress(total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    screen = Console(stderr=True)
    with Progress(console=screen, disable=not screen.is_terminal, transient=True) as bar:
        task = bar.add_task("encrypting", total=total)
        yield lambda count: bar.advance(task, count)


@keys.command(cls=DocumentedCommand)
def retire(
    context: typer.Context,
    key_id: Annotated[
        str,
        typer.Argument(metavar="KEY", help="The key's id, as `evergrant keys status` shows it."),
    ],
    *,
    file: KeyFile,
) -> None:
    """Remove a key from a key file, if nothing is encrypted with it any more."""
    lines = read_lines(file)
    held = {key.id: line for line in lines for key in parse_keys(line, str(file))}
    if key_id not in held:
        raise ConfigError(f"{file} has no key {key_id}", hint=f"It has {', '.join(held)}.")
    with evergrant.open_store(settings_of(context).store, read_only=True, keys=None) as store:
        count = store.key_ids()[key_id]
    boats = [key_id_of_file(path) for path in all_files(config_folder())].count(key_id)
    if count or boats:
        raise ConfigError(
            f"{count} tokens and {boats} lifeboat files are encrypted with the key {key_id}; "
            "it was not retired",
            hint="Run evergrant keys rotate (and evergrant doctor --repair) first.",
        )
    if len(lines) == 1:
        raise ConfigError(f"{key_id} is the only key in {file}; it was not retired")
    write_lines(file, [line for id_, line in held.items() if id_ != key_id])
    _record_event(settings_of(context), "KeyRetired", key_id)
    print_info(f"{key_id} was removed from {file}; other stores that it encrypted would need it")


def _record_event(settings: Settings, event: str, key_id: str) -> None:
    if log := open_audit_log(settings):
        log.record({"at": datetime.now(UTC).isoformat(), "event": event, "key_id": key_id})
