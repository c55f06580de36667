"""Commands for stored tokens: list, show, token, refresh, revoke, delete."""

from __future__ import annotations

from typing import Any

import typer

import evergrant
from evergrant._text import json_text
from evergrant.cli.list_output import print_as_json, print_listing
from evergrant.cli.messages import confirm, format_time, print_info
from evergrant.cli.options import AsJson, SomeUser, TokenId, Yes, settings_of
from evergrant.cli.resources import (
    accounts_for,
    find_user,
    grant_states_for,
    named_token,
    offline_keeper,
    online_keeper,
    open_audit_log,
    open_for_reading,
    suggesting,
)
from evergrant.cli.tables import console, describe, read_rows, token_page, token_table
from evergrant.errors import TokenNotFound
from evergrant.events import Forgotten
from evergrant.stores import urls
from evergrant.token import User

__all__ = [
    "delete",
    "display_name",
    "list_all",
    "print_json",
    "print_table",
    "refresh",
    "revoke",
    "show",
    "token",
]


def list_all(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the tokens of the store, corrupt ones too, without secrets."""
    settings = settings_of(context)
    with (
        open_for_reading(settings.store) as store,
        accounts_for(settings, settings.sandbox) as accounts,
    ):
        rows = read_rows(store, accounts, grant_states_for(settings, store, accounts))
        if as_json:
            print_as_json(rows)
        elif not print_listing(rows):
            print_info(
                f"no tokens in {urls.hide_password(settings.store)}; log in with: evergrant login"
            )


def show(
    context: typer.Context,
    user: SomeUser = None,
    *,
    token_id: TokenId = None,
    as_json: AsJson = False,
) -> None:
    """Show everything about one token, but of its secrets only which there are."""
    settings, wanted = settings_of(context), named_token(user, token_id)
    with (
        open_for_reading(settings.store) as store,
        accounts_for(settings, settings.sandbox) as accounts,
    ):
        states = grant_states_for(settings, store, accounts)
        row = describe(_find_token(store, wanted), accounts, states)
    if as_json:
        print_json(row)
    else:
        screen = console()
        screen.print(token_page(row, screen.width))


def token(context: typer.Context, user: SomeUser = None, *, token_id: TokenId = None) -> None:
    """Print a working access token for scripts, refreshed if needed."""
    settings, wanted = settings_of(context), named_token(user, token_id)
    with online_keeper(
        settings, wanted, policy=settings.policy, on_event=open_audit_log(settings)
    ) as keeper:
        typer.echo(keeper.access_token(wanted))


def refresh(context: typer.Context, user: SomeUser = None, *, token_id: TokenId = None) -> None:
    """Refresh the access token now, even if it has not expired."""
    settings, wanted = settings_of(context), named_token(user, token_id)
    with online_keeper(
        settings, wanted, policy=settings.policy, on_event=open_audit_log(settings)
    ) as keeper:
        refreshed = keeper.refresh(wanted)
    until = f", valid until {format_time(refreshed.expires_at)}" if refreshed.expires_at else ""
    name = refreshed.user_name or f"token {refreshed.id}"
    print_info(f"refreshed the access token of {name}{until}")


def revoke(
    context: typer.Context, user: SomeUser = None, *, token_id: TokenId = None, yes: Yes = False
) -> None:
    """Revoke a user's grant at Zoho, then delete it from the store."""
    settings, wanted = settings_of(context), named_token(user, token_id)
    with online_keeper(settings, wanted, on_event=open_audit_log(settings)) as keeper:
        found = keeper.find(wanted)
        name = display_name(found)
        question = f"Revoke the grant of {name} at Zoho? They must log in again."
        if confirm(question, yes=yes):
            keeper.revoke(found if token_id else wanted)
            print_info(f"revoked: {name}")


def delete(
    context: typer.Context,
    user: SomeUser = None,
    *,
    token_id: TokenId = None,
    yes: Yes = False,
) -> None:
    """Delete a token from the store, without revoking it at Zoho."""
    settings = settings_of(context)
    wanted, log = named_token(user, token_id), open_audit_log(settings)
    with offline_keeper(settings, log) as keeper:
        if isinstance(wanted, str):
            with suggesting(keeper.store, wanted):
                name = display_name(keeper.find(wanted))
        else:
            name = f"token {token_id}"
        if not confirm(
            f"Delete {name} from {keeper.store.url}? It is not revoked at Zoho.", yes=yes
        ):
            return
        if isinstance(wanted, str):
            keeper.forget(wanted)
        else:
            # Not read first: a corrupt row must be deletable.
            keeper.store.delete_token(token_id or "")
            if log:
                log(Forgotten(at=keeper.accounts.clock(), token_id=token_id))
        print_info(f"deleted: {name}")


def _find_token(store: evergrant.TokenStore, wanted: User) -> evergrant.Token:
    if isinstance(wanted, str):
        return find_user(store, wanted)
    found = store.find_token_by_id(wanted.id or "")
    if found is None:
        raise TokenNotFound("there is no such token", token_id=wanted.id)
    return found


def display_name(token: evergrant.Token) -> str:
    """Return the name of a token for a sentence."""
    return f"{token.user_name or 'a token without a user'} (id {token.id})"


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print the descriptions of several tokens as a table."""
    screen = console()
    screen.print(token_table(rows, screen.width))


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json_text(value, indent=2))
