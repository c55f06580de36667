"""``evergrant why``: explains why a user's token failed, was refreshed, or is gone."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

import evergrant
from evergrant._text import json_text, printable
from evergrant.cli.messages import print_warning
from evergrant.cli.options import AsJson, User, settings_of
from evergrant.cli.resources import accounts_for, is_sandboxed
from evergrant.config import Settings, config_folder
from evergrant.errors import EvergrantError

__all__ = ["why"]


def why(context: typer.Context, user: User, *, as_json: AsJson = False) -> None:
    """Explain in one line why a user's token failed, was refreshed, or is gone."""
    from evergrant.observing.diagnosis import Finding

    settings = settings_of(context)
    try:
        found = _diagnose(settings, user)
    except EvergrantError as error:
        found = Finding.from_error(error)
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
        # Not with a keeper: it would restore what waits in the lifeboat.
        with suppress(EvergrantError):  # the diagnosis itself reports such an error
            granted = next(filter(is_sandboxed, store.find_users(user)), None)
            sandbox = granted.api_domain if granted else None
            settings = replace(settings, sandbox=settings.sandbox or sandbox)
        accounts = stack.enter_context(accounts_for(settings, settings.sandbox))
        inquiry = Diagnosis(
            store, accounts, config_folder(), policy=settings.policy, entries=entries
        )
        return inquiry.why(user)
