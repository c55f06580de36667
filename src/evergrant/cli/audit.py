"""``evergrant audit``: shows the audit log and verifies it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from evergrant._text import json_text, printable
from evergrant._user_names import belongs_to
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.help import DocumentedCommand, DocumentedGroup
from evergrant.cli.messages import print_error, print_info
from evergrant.cli.options import AsJson, settings_of
from evergrant.errors import ConfigError

__all__ = ["audit"]

audit = typer.Typer(
    cls=DocumentedGroup, no_args_is_help=True, help="Verify and show the audit log."
)

File = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE", help="The log, rotated files first. Default: the log in the settings."
    ),
]


def _log_files(context: typer.Context, named: list[Path] | None) -> list[Path]:
    if named:
        return named
    settings = settings_of(context)
    if settings.audit is None:
        raise ConfigError(
            "no audit log is set", hint="Name the file, or set EVERGRANT_AUDIT (or audit = FILE)."
        )
    return [Path(settings.audit)]


@audit.command(cls=DocumentedCommand)
def verify(
    context: typer.Context,
    files: File = None,
    *,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ:HASH",
            help="The line that the last verification printed. That entry must still exist.",
        ),
    ] = None,
) -> None:
    """Check that the log was not changed.

    Exits with 1 and names each line that was changed.
    """
    from evergrant._crypto.key_sources import keyring_from_environment
    from evergrant.observing import audit_log as logs
    from evergrant.observing.hash_chain import Head

    if head is not None and not re.fullmatch(r"\d+:[0-9a-f]{64}", head):
        raise ConfigError(f"--head {head!r} is not SEQ:HASH, as verify prints it")
    keys, last, bad = keyring_from_environment(), None, 0
    missing = None if head == str(Head()) else head  # before the first entry, none can be missing
    for file in _log_files(context, files):
        for entry in logs.read_entries(file) if missing else ():
            if f"{entry['seq']}:{entry['hash']}" == missing:
                missing = None
                break
        last, faults = logs.verify(file, keys, last)
        for fault in faults:
            print_error(f"{file}, line {fault.line}: {fault.kind}: {fault.what}")
        bad += len(faults)
    if missing:
        print_error(f"entry {missing.partition(':')[0]} with this hash no longer exists")
    typer.echo(printable(str(last)))
    if bad or missing:
        raise typer.Exit(ExitCode.BAD_RESULT)
    print_info("the log was not changed; keep this line elsewhere, for --head next time")


def _parse_day(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date such as 2026-12-31.") from None


@audit.command(cls=DocumentedCommand)
def show(
    context: typer.Context,
    files: File = None,
    *,
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="Only entries of this user.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(metavar="ID", help="Only entries of the token with this id.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE",
            parser=_parse_day,
            help="Only entries from this day on (UTC), such as 2026-12-31.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who did what to which token, oldest first."""
    from evergrant.observing.audit_log import read_entries

    def is_wanted(entry: dict[str, Any]) -> bool:
        name = str(entry.get("user") or "")
        return (
            (not user or belongs_to(name, user))
            and (not token or entry.get("token_id") == token)
            and (not since or str(entry.get("at", "")) >= since.isoformat())
        )

    for file in _log_files(context, files):
        for entry in filter(is_wanted, read_entries(file)):
            typer.echo(json_text(entry) if as_json else _format_entry(entry))


def _format_entry(entry: dict[str, Any]) -> str:
    whose = entry.get("user") or entry.get("token_id") or ""
    who = " ".join(
        str(entry[key]) for key in ("actor", "program", "host", "remote") if entry.get(key)
    )
    why = ": ".join(str(entry[key]) for key in ("error", "message") if entry.get(key))
    said = (str(entry.get("at", ""))[:19], str(entry.get("event")), str(whose), f"by {who}", why)
    return printable("  ".join(part for part in said if part))
