"""``evergrant adopt``: takes over the tokens that programs keep themselves."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import evergrant
from evergrant._masking import masks_locals
from evergrant._text import escaped, json_text, printable
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.messages import print_error, print_info, print_warning
from evergrant.cli.options import AsJson, Options, settings_of
from evergrant.cli.resources import accounts_for, open_for_reading
from evergrant.cli.tables import console, table
from evergrant.cli.transfer_output import with_audit
from evergrant.config import Settings
from evergrant.stores.urls import hide_password
from evergrant.token import Secret, Token

if TYPE_CHECKING:
    from evergrant.adopt import Change, Found, Report
    from evergrant.cli.adopt_owners import Resolved

__all__ = ["adopt", "adopt_grants", "known_grants"]

ALREADY = "already in the store"
MAX_CLIENT_SHOWN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What became of a grant.

    Attributes:
        user: Its name in the store, or None if it is not there.
        outcome: In a word or two.
        note: What a person should know, or "".
    """

    found: Found
    user: str | None
    outcome: str
    note: str = ""


@masks_locals
def adopt(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="The project's folder. Default: this one.")
    ] = Path(),
    *,
    do_import: Annotated[
        bool,
        typer.Option("--import", "--yes", "-y", help="Import what was found into the store."),
    ] = False,
    data_center: Annotated[
        str | None,
        typer.Option(metavar="DC", help="Where to ask first for a grant that does not say."),
    ] = None,
    keyring: Annotated[
        bool, typer.Option("--keyring", help="Look into the desktop's keyring too (zoho-cli).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find the Zoho tokens that a program keeps itself, and take them over.

    Without --import nothing is changed. With it, the grants are copied into the store, and no user
    logs in again. The lines of the program to change are printed as a diff; no file is edited.
    """
    from evergrant.adopt import find_tokens

    settings = settings_of(context)
    with accounts_for(settings, settings.sandbox) as accounts:
        if data_center is not None:
            accounts.data_centers.by_code(data_center)  # refused if it does not exist
        report = find_tokens(
            folder,
            data_centers=accounts.data_centers,
            clock=accounts.clock,
            environment={name: Secret(value) for name, value in os.environ.items()},
            keyring=keyring,
        )
        if do_import:
            adopted = list(adopt_grants(report.grants, settings, accounts, home=data_center))
        else:
            adopted = _preview(report.grants, settings)
    changes = _changes(folder, adopted, settings)
    if as_json:
        typer.echo(json_text(_as_dict(report, adopted, changes), indent=2))
    else:
        _print(adopted, changes)
    _print_messages(report, adopted, changes, done=do_import, folder=folder)
    given = context.find_object(Options)
    if do_import and ((given and given.store) or any(change.user for _, change in changes)):
        url = hide_password(settings.store)
        print_info(
            f"the program must be told this store: EVERGRANT_STORE={url}. Without it, a "
            "ZOHO_REFRESH_TOKEN in its environment is the only grant that it sees"
        )
    if do_import and any(one.user is None and one.found.token.refresh_token for one in adopted):
        print_error("some grants were not imported: see their note")
        raise typer.Exit(ExitCode.BAD_RESULT)


def known_grants(store: evergrant.TokenStore) -> dict[str, Token]:
    """Return the named tokens of a store by their refresh token."""
    tokens = store.iter_tokens(on_corrupt=lambda _: None)
    return {
        token.refresh_token: token for token in tokens if token.refresh_token and token.user_name
    }


def adopt_grants(
    grants: Sequence[Found],
    settings: Settings,
    accounts: evergrant.Accounts,
    *,
    home: str | None = None,
) -> Iterator[Adopted]:
    """Copy grants into the store one by one; each is read back."""
    from evergrant.cli.adopt_owners import owner_key, resolve

    with evergrant.open_store(settings.store) as store:
        known = known_grants(store)
        taken = {owner_key(token) for token in known.values()}
        for found in grants:
            there = known.get(found.token.refresh_token or "")
            if there is not None:
                yield Adopted(found=found, user=there.user_name, outcome=ALREADY)
                continue
            resolved = resolve(found, accounts, taken=taken, home=home)
            if resolved.token is None:
                yield Adopted(found=found, user=None, outcome="not imported", note=resolved.note)
                continue
            taken.add(owner_key(resolved.token))
            yield _save(resolved, resolved.token, store, settings)


def _save(
    resolved: Resolved, token: Token, store: evergrant.TokenStore, settings: Settings
) -> Adopted:
    from evergrant import transfer

    [moved] = with_audit(settings, transfer.copy([token], store), store.url)
    return Adopted(
        found=resolved.found,
        user=token.user_name if moved.is_good else None,
        outcome="imported" if moved.verified else moved.outcome.value,
        note="; ".join(filter(None, (resolved.note, moved.problem))),
    )


def _preview(grants: Sequence[Found], settings: Settings) -> list[Adopted]:
    with open_for_reading(settings.store) as store:
        known = known_grants(store)
    adopted = []
    for found in grants:
        there = known.get(found.token.refresh_token or "")
        user = there.user_name if there else found.token.user_name
        outcome = ALREADY if there else "found"
        adopted.append(Adopted(found=found, user=user, outcome=outcome))
    return adopted


def _changes(
    folder: Path, adopted: Sequence[Adopted], settings: Settings
) -> list[tuple[str, Change]]:
    from evergrant.adopt import suggest_change
    from evergrant.adopt.folder import python_files

    usable = [one for one in adopted if one.found.token.refresh_token]
    with open_for_reading(settings.store) as store:
        users = {token.user_name for token in known_grants(store).values()}
    users |= {one.user or one.found.key for one in usable}
    changes = []
    for path, text in python_files(folder):
        name = path.relative_to(folder).as_posix() if folder.is_dir() else path.name
        user = _user_of(text, usable) if len(users) > 1 else None
        if change := suggest_change(text, escaped(name), user):
            changes.append((name, change))
    return changes


def _user_of(text: str, usable: Sequence[Adopted]) -> str | None:
    """Return the user of the one grant whose variable or file a program names, or None."""
    named = [
        one
        for one in usable
        if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in one.found.names)
    ]
    one = named[0] if len(named) == 1 else usable[0] if len(usable) == 1 else None
    return (one.user or one.found.key) if one else None


def _print(adopted: Sequence[Adopted], changes: Sequence[tuple[str, Change]]) -> None:
    columns = ("where", "what", "user", "dc", "refresh", "client", "outcome")
    screen = console()
    if adopted:
        screen.print(table(columns, [_cells(one) for one in adopted], screen.width))
    for one in adopted:
        if one.note:
            typer.echo(printable(f"{escaped(one.found.source)}: {one.note}"))
    for _, change in changes:
        if change.diff:
            typer.echo(f"\n{change.diff}", nl=False)


def _cells(one: Adopted) -> tuple[str, ...]:
    found = one.found
    more = f" (+{len(found.sources) - 1})" if len(found.sources) > 1 else ""
    client = found.token.client_id or "unknown"
    if len(client) > MAX_CLIENT_SHOWN:
        client = f"{client[: MAX_CLIENT_SHOWN - 3]}..."
    return (
        escaped(found.source) + more,
        found.shape,
        one.user or "unknown",
        found.data_center or "unknown",
        "yes" if found.token.refresh_token else "no",
        client,
        one.outcome,
    )


def _print_messages(
    report: Report,
    adopted: Sequence[Adopted],
    changes: Sequence[tuple[str, Change]],
    *,
    done: bool,
    folder: Path,
) -> None:
    for problem in report.problems:
        print_info(problem)
    for warning in report.warnings:
        print_warning(warning)
    for name, change in changes:
        if change.by_hand:
            print_info(change.by_hand)
        elif change.unused:
            lines = ", ".join(change.unused)
            print_info(f"{escaped(name)}: after the change, lines {lines} (as of now) are not used")
    if not adopted:
        print_info("no Zoho tokens were found")
    elif not done:
        command = f"evergrant adopt {shlex.quote(str(folder))} --import"
        print_info(f"nothing was changed: a dry run. Import them with: {command}")


def _as_dict(
    report: Report, adopted: Sequence[Adopted], changes: Sequence[tuple[str, Change]]
) -> dict[str, Any]:
    return {
        "found": [
            {
                "sources": list(one.found.sources),
                "shape": one.found.shape,
                "user": one.user,
                "data_center": one.found.data_center,
                "service": one.found.service,
                "client_id": one.found.token.client_id,
                "has_refresh_token": bool(one.found.token.refresh_token),
                "needs": list(one.found.needs),
                "outcome": one.outcome,
                "note": one.note,
            }
            for one in adopted
        ],
        "changes": [
            {
                "file": name,
                "diff": change.diff,
                "unused_lines": list(change.unused),
                "by_hand": change.by_hand,
            }
            for name, change in changes
        ],
        "problems": report.problems,
        "warnings": report.warnings,
    }
