"""Commands about tokens that are there: list, show, use, renew, revoke, delete."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

import evergrant
from evergrant.cli.options import AsJson, TokenId, User, Yes, settings_of
from evergrant.cli.session import accounts_of, offline_keeper, online_keeper
from evergrant.cli.speech import confirmed, moment, note
from evergrant.cli.tables import console, describe, is_dead, page, read_rows, token_table
from evergrant.errors import ConfigError, TokenNotFound

__all__ = ["delete", "list_all", "purge", "refresh", "revoke", "show", "token"]

SomeUser = Annotated[
    str | None, typer.Argument(metavar="[USER]", help="As `evergrant list` names it.")
]


def list_all(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the tokens of the store, the corrupt ones too; shows no secret."""
    settings = settings_of(context)
    with (
        evergrant.open_store(settings.store) as store,
        accounts_of(settings, settings.sandbox) as accounts,
    ):
        rows = read_rows(store, accounts)
        where = store.url
    if as_json:
        _print_json(rows)
    elif rows:
        _print_table(rows)
    else:
        note(f"no tokens in {where}; log in with: evergrant login")


def show(
    context: typer.Context,
    user: SomeUser = None,
    *,
    token_id: TokenId = None,
    as_json: AsJson = False,
) -> None:
    """Show what is known of one token; of its secrets, only which there are."""
    settings = settings_of(context)
    with (
        offline_keeper(settings) as keeper,
        accounts_of(settings, settings.sandbox) as accounts,
    ):
        row = describe(_found(keeper, user, token_id), accounts)
    if as_json:
        _print_json(row)
    else:
        console().print(page(row))


def token(context: typer.Context, user: User) -> None:
    """Print an access token that works now, for scripts; renews it if need be."""
    with online_keeper(settings_of(context), user) as keeper:
        typer.echo(keeper.access_token(user))


def refresh(context: typer.Context, user: User) -> None:
    """Renew the access token now, even if it has not expired."""
    with online_keeper(settings_of(context), user) as keeper:
        renewed = keeper.refresh(user)
    until = f", valid until {moment(renewed.expires_at)}" if renewed.expires_at else ""
    note(f"renewed the access token of {renewed.user_name}{until}")


def revoke(context: typer.Context, user: User, *, yes: Yes = False) -> None:
    """Revoke a user's grant at Zoho, then delete it from the store."""
    with online_keeper(settings_of(context), user) as keeper:
        found = keeper.find(user)
        if confirmed(
            f"Revoke the grant of {_name(found)} at Zoho? They must log in again.", yes=yes
        ):
            keeper.revoke(user)
            note(f"revoked: {_name(found)}")


def delete(
    context: typer.Context,
    user: SomeUser = None,
    *,
    token_id: TokenId = None,
    yes: Yes = False,
) -> None:
    """Delete a token from the store; Zoho is not told."""
    with offline_keeper(settings_of(context)) as keeper:
        if user and not token_id:
            name = _name(keeper.find(user))
        else:
            name = f"token {_only_id(user, token_id)}"
        if not confirmed(f"Delete {name} from {keeper.store.url}? Zoho is not told.", yes=yes):
            return
        if token_id:
            # Not looked at before: a corrupt row must be deletable.
            keeper.store.delete_token(token_id)
        else:
            keeper.forget(user or "")
        note(f"deleted: {name}")


def purge(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete the tokens that can never work again: expired, and without a refresh token."""
    settings = settings_of(context)
    with (
        evergrant.open_store(settings.store) as store,
        accounts_of(settings, settings.sandbox) as accounts,
    ):
        dead = [token for token in store.iter_tokens() if is_dead(token, accounts.clock())]
        if as_json:
            _print_json([describe(token, accounts) for token in dead])
        elif dead:
            _print_table([describe(token, accounts) for token in dead])
        if not dead:
            note("nothing to purge")
        elif not dry_run and confirmed(f"Delete {_count(dead)} from {store.url}?", yes=yes):
            for one in dead:
                # Looked at again: a login takes the place of a dead token, under its id.
                current = store.find_token_by_id(one.id or "")
                if current and is_dead(current, accounts.clock()):
                    store.delete_token(one.id or "")
                    note(f"deleted: {_name(one)}")


def _found(keeper: evergrant.Keeper, user: str | None, token_id: str | None) -> evergrant.Token:
    if user and not token_id:
        return keeper.find(user)
    found = keeper.store.find_token_by_id(_only_id(user, token_id))
    if found is None:
        raise TokenNotFound("there is no such token", token_id=token_id)
    return found


def _only_id(user: str | None, token_id: str | None) -> str:
    if user or not token_id:
        raise ConfigError(
            "no token was named, or two", hint="Give a USER or --id ID, and not both."
        )
    return token_id


def _name(token: evergrant.Token) -> str:
    return f"{token.user_name or 'a token without a user'} (id {token.id})"


def _count(tokens: list[evergrant.Token]) -> str:
    return "this token" if len(tokens) == 1 else f"these {len(tokens)} tokens"


def _print_table(rows: list[dict[str, Any]]) -> None:
    screen = console()
    screen.print(token_table(rows, screen.width))


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
