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
from evergrant.cli.options import AsJson, SomeUser, TokenId, settings_of
from evergrant.cli.resources import accounts_for, is_sandboxed, named_token
from evergrant.config import Settings, config_folder
from evergrant.errors import EvergrantError

__all__ = ["why"]


def why(
    context: typer.Context,
    user: SomeUser = None,
    *,
    token_id: TokenId = None,
    as_json: AsJson = False,
) -> None:
    """Explain in one line why a user's token failed, was refreshed, or is gone."""
    from evergrant.observing.diagnosis import Finding

    settings, wanted = settings_of(context), named_token(user, token_id)
    try:
        found = _diagnose(settings, wanted)
    except EvergrantError as error:
        found = Finding.from_error(error)
    if as_json:
        told = {"cause": found.cause, "what": found.what, "by": found.by, "hint": found.hint}
        at = found.at.isoformat() if found.at else None
        typer.echo(json_text({"user": user, "token_id": token_id, "at": at, **told}, indent=2))
    else:
        typer.echo(printable(f"{user or f'token {token_id}'}: {found}"))


def _diagnose(settings: Settings, wanted: str | evergrant.Token) -> Any:
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
            known = (
                store.find_users(wanted)
                if isinstance(wanted, str)
                else filter(None, [store.find_token_by_id(wanted.id or "")])
            )
            granted = next(filter(is_sandboxed, known), None)
            sandbox = granted.api_domain if granted else None
            settings = replace(settings, sandbox=settings.sandbox or sandbox)
        accounts = stack.enter_context(accounts_for(settings, settings.sandbox))
        inquiry = Diagnosis(
            store, accounts, config_folder(), policy=settings.policy, entries=entries
        )
        if isinstance(wanted, evergrant.Token):
            return inquiry.why_id(wanted.id or "")
        return inquiry.why(wanted)
