"""``evergrant init``: from a refresh token that one has to a stored login, in one minute."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

import evergrant
from evergrant._environment import read_zoho_environment
from evergrant.cli.messages import ask_secret, print_info
from evergrant.cli.options import settings_of
from evergrant.cli.resources import (
    accounts_for,
    open_audit_log,
    require_client,
    require_persistent_store,
)
from evergrant.errors import MissingScope
from evergrant.services import SERVICES
from evergrant.token import Token

__all__ = ["init"]

CLIENT_HINT = "Set ZOHO_CLIENT_ID and ZOHO_CLIENT_SECRET, or register a client at https://api-console.zoho.com"


def init(
    context: typer.Context,
    *,
    user: Annotated[
        str | None,
        typer.Option(metavar="USER", help="Who it is expected to be, or your own name for it."),
    ] = None,
    data_center: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Where the token is from: us, eu, in, …; any: each is asked."
        ),
    ] = None,
) -> None:
    """Store a refresh token that you have; say whose it is and what it covers.

    It comes from ZOHO_REFRESH_TOKEN, a hidden prompt or stdin, the client from the settings or
    ZOHO_CLIENT_ID and ZOHO_CLIENT_SECRET: never from an argument.
    """
    settings = settings_of(context)
    require_persistent_store(settings.store)
    if not settings.sandbox:
        settings = require_client(settings, otherwise=CLIENT_HINT, secret_hint=CLIENT_HINT)
    given = read_zoho_environment(in_part=True).refresh_token
    refresh_token = given or ask_secret("Refresh token", otherwise="Set ZOHO_REFRESH_TOKEN.")
    with ExitStack() as stack:
        store = stack.enter_context(evergrant.open_store(settings.store))
        accounts = stack.enter_context(accounts_for(settings, settings.sandbox))
        keeper = evergrant.Keeper(
            store, accounts, policy=settings.policy, on_event=open_audit_log(settings)
        )
        try:
            token = keeper.login_with_refresh_token(refresh_token, user, data_center=data_center)
        except MissingScope as error:
            error.hint += " Or name it yourself: evergrant init --user my-name (without an @)."
            raise
        _tell(token, accounts.data_center_of(token).code, store.url)


def _tell(token: Token, data_center: str, store: str) -> None:
    print_info(f"logged in: {token.user_name} (id {token.id})")
    print_info(f"data center: {data_center}")
    print_info(f"scopes: {' '.join(token.scopes) or 'Zoho did not say'}")
    prefixes = {scope.partition(".")[0].lower() for scope in token.scopes}
    covered = [
        service.name
        for service in SERVICES.values()
        if service.scope_prefix.rstrip(".").lower() in prefixes
    ]
    if covered:
        print_info(f"services: {', '.join(covered)}")
    print_info(f"store: {store}")
    for name in covered:
        probe = SERVICES[name].probe
        if probe and not _covers(token.scopes, probe.scope):
            print_info(
                f"{name}: {probe.scope} is not among the scopes; without it, a test request such "
                f"as `evergrant api {name}:{probe.path}` is refused"
            )


def _covers(scopes: tuple[str, ...], wanted: str) -> bool:
    have = {scope.lower() for scope in scopes}
    *area, _ = wanted.lower().split(".")
    wide = {f"{'.'.join(area)}.all", f"{area[0]}.fullaccess.all"}
    return bool(have & {wanted.lower(), *wide})
