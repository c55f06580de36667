"""``evergrant purge``: deletes tokens that are of no use any more, and revokes them at Zoho."""

from __future__ import annotations

from typing import Annotated

import typer

import evergrant
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.messages import confirm, print_info, print_warning
from evergrant.cli.options import AsJson, Yes, settings_of
from evergrant.cli.resources import (
    accounts_for,
    grant_states_for,
    is_sandboxed,
    open_audit_log,
    policy_enforcer_for,
)
from evergrant.cli.tables import describe
from evergrant.cli.tokens import display_name, print_json, print_table
from evergrant.config import Settings
from evergrant.errors import EvergrantError

__all__ = ["purge"]


def purge(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which tokens.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete tokens that can never work again, and revoke those that the policy ended."""
    settings = settings_of(context)
    with (
        evergrant.open_store(settings.store) as store,
        accounts_for(settings, settings.sandbox) as accounts,
    ):
        enforcer = policy_enforcer_for(settings, store, accounts)
        found = [
            (token, rule) for token in store.iter_tokens() if (rule := enforcer.expired_by(token))
        ]
        states = grant_states_for(settings, store, accounts)
        rows = [describe(token, accounts, states) | {"rule": rule} for token, rule in found]
        if as_json:
            print_json(rows)
        elif rows:
            print_table(rows)
        if not found:
            print_info("nothing to purge")
        elif not dry_run and confirm(f"Delete {_format_count(found)} from {store.url}?", yes=yes):
            left = sum(not _purge_token(settings, store, token, rule) for token, rule in found)
            if left:
                raise typer.Exit(ExitCode.BAD_RESULT)


def _purge_token(
    settings: Settings, store: evergrant.TokenStore, token: evergrant.Token, rule: str
) -> bool:
    from evergrant._core.manager import TokenManager

    granted_by = token.api_domain if token.refresh_token and is_sandboxed(token) else None
    try:
        with accounts_for(settings, settings.sandbox or granted_by) as accounts:
            manager = TokenManager(store, accounts, on_event=open_audit_log(settings))
            # Read again: a login may have replaced the dead token under the same id.
            current = store.find_token_by_id(token.id or "")
            if (
                not current
                or policy_enforcer_for(settings, store, accounts).expired_by(current) != rule
            ):
                return True
            if current.refresh_token:
                manager.revoke(current)
            else:
                manager.forget(current)
    except EvergrantError as error:
        print_warning(f"not revoked, so kept: {display_name(token)}: {error}")
        return False
    print_info(f"deleted: {display_name(token)}: {rule}")
    return True


def _format_count(found: list[tuple[evergrant.Token, str]]) -> str:
    return "this token" if len(found) == 1 else f"these {len(found)} tokens"
