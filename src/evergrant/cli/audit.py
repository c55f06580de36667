"""``evergrant audit`` and ``evergrant why``; and where the other commands leave their entries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import evergrant
from evergrant._text import json_text, printable
from evergrant._user_names import belongs_to
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.help import DocumentedCommand, DocumentedGroup
from evergrant.cli.messages import print_error, print_info, print_warning
from evergrant.cli.options import AsJson, User, settings_of
from evergrant.cli.resources import accounts_for, is_sandboxed
from evergrant.config import Settings, config_folder
from evergrant.errors import ConfigError, EvergrantError
from evergrant.transfer import Moved, Outcome

if TYPE_CHECKING:
    from evergrant.observing.audit_log import AuditLog

__all__ = ["audit", "audit_log", "why", "with_audit"]

audit = typer.Typer(
    cls=DocumentedGroup, no_args_is_help=True, help="Verify and show the audit log."
)

File = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE", help="The log, rotated files first; by default the one in the settings."
    ),
]


WRITTEN = (Outcome.NEW, Outcome.UPDATED)
"""What became of a token that was written to the other store."""


def audit_log(settings: Settings) -> AuditLog | None:
    """Return what writes the audit log that is set; None: none is.

    Raises:
        ConfigError: It cannot be written.
    """
    if settings.audit is None:
        return None
    from evergrant.observing.audit_log import AuditLog

    return AuditLog(settings.audit)


def with_audit(settings: Settings, moves: Iterable[Moved], where: str) -> Iterable[Moved]:
    """Yield moves; each that changed a store, once that stands in the audit log.

    Args:
        where: Names the store that the tokens go to.
    """
    log = audit_log(settings)
    for moved in moves:
        if log is not None and (moved.deleted or moved.outcome in WRITTEN):
            entry = {
                "at": datetime.now(UTC).isoformat(),
                "event": "Moved" if moved.deleted else "Copied",
                "user": moved.user,
                "token_id": moved.target_id or moved.id,
                "outcome": moved.outcome.value,
                "target": where,
            }
            log.record({name: value for name, value in entry.items() if value is not None})
        yield moved


def _files(context: typer.Context, named: list[Path] | None) -> list[Path]:
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
            help="What the last verification printed; that entry must still be there.",
        ),
    ] = None,
) -> None:
    """Return True if the log is as it was written; ends with 1 and names each line that is not."""
    from evergrant._crypto.key_sources import keyring_from_environment
    from evergrant.observing import audit_log as logs
    from evergrant.observing.hash_chain import Head

    if head is not None and not re.fullmatch(r"\d+:[0-9a-f]{64}", head):
        raise ConfigError(f"--head {head!r} is not of the form SEQ:HASH, as verify prints it")
    keys, last, bad = keyring_from_environment(), None, 0
    missing = None if head == str(Head()) else head  # before the first entry, nothing is missing
    for file in _files(context, files):
        for entry in logs.read_entries(file) if missing else ():
            if f"{entry['seq']}:{entry['hash']}" == missing:
                missing = None
                break
        last, faults = logs.verify(file, keys, last)
        for fault in faults:
            print_error(f"{file}, line {fault.line}: {fault.kind}: {fault.what}")
        bad += len(faults)
    if missing:
        print_error(f"entry {missing.partition(':')[0]} with this hash is not there any more")
    typer.echo(printable(str(last)))
    if bad or missing:
        raise typer.Exit(ExitCode.BAD_RESULT)
    print_info("the log is as it was written; keep this line elsewhere: --head wants it next time")


def _day(text: str) -> datetime:
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
    user: Annotated[str | None, typer.Option(metavar="USER", help="Only of this user.")] = None,
    token: Annotated[
        str | None, typer.Option(metavar="ID", help="Only of the token with this id.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE", parser=_day, help="Only from this day on (UTC), such as 2026-12-31."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who did what to which token; the oldest first."""
    from evergrant.observing.audit_log import read_entries

    def is_wanted(entry: dict[str, Any]) -> bool:
        name = str(entry.get("user") or "")
        return (
            (not user or belongs_to(name, user))
            and (not token or entry.get("token_id") == token)
            and (not since or str(entry.get("at", "")) >= since.isoformat())
        )

    for file in _files(context, files):
        for entry in filter(is_wanted, read_entries(file)):
            typer.echo(json_text(entry) if as_json else _line(entry))


def _line(entry: dict[str, Any]) -> str:
    whose = entry.get("user") or entry.get("token_id") or ""
    who = " ".join(
        str(entry[key]) for key in ("actor", "program", "host", "remote") if entry.get(key)
    )
    why = ": ".join(str(entry[key]) for key in ("error", "message") if entry.get(key))
    said = (str(entry.get("at", ""))[:19], str(entry.get("event")), str(whose), f"by {who}", why)
    return printable("  ".join(part for part in said if part))


def why(context: typer.Context, user: User, *, as_json: AsJson = False) -> None:
    """Say in one line why a user's token failed, was refreshed, or is gone; changes nothing."""
    from evergrant.observing.diagnosis import Finding

    settings = settings_of(context)
    try:
        found = _diagnose(settings, user)
    except EvergrantError as error:
        found = Finding.of_error(error)
    if as_json:
        told = {"cause": found.cause, "what": found.what, "by": found.by, "hint": found.hint}
        at = found.at.isoformat() if found.at else None
        typer.echo(json_text({"user": user, "at": at, **told}, indent=2))
    else:
        typer.echo(printable(f"{user}: {found}"))


def _diagnose(settings: Settings, user: str) -> Any:
    from evergrant.observing.audit_log import read_entries, rotated_files
    from evergrant.observing.diagnosis import Diagnosis

    entries: list[dict[str, Any]] = []
    if settings.audit:
        log = Path(settings.audit)
        files = [*rotated_files(log), *([log] if log.exists() else ())]
        entries = [entry for file in files for entry in read_entries(file)]
        if not files:
            print_warning(f"there is no audit log {log}")
    with evergrant.open_store(settings.store) as store, ExitStack() as stack:
        # Not by a keeper: that would restore what waits in the lifeboat.
        with suppress(EvergrantError):  # what hinders us there is what we are asked about
            granted = next(filter(is_sandboxed, store.find_users(user)), None)
            sandbox = granted.api_domain if granted else None
            settings = replace(settings, sandbox=settings.sandbox or sandbox)
        accounts = stack.enter_context(accounts_for(settings, settings.sandbox))
        inquiry = Diagnosis(
            store, accounts, config_folder(), policy=settings.policy, entries=entries
        )
        return inquiry.why(user)
