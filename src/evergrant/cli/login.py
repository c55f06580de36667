"""``evergrant login``: by browser, with a pasted redirect, or with a self client's code."""

from __future__ import annotations

import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs, urlsplit

import typer

import evergrant
from evergrant._scopes import read_scopes
from evergrant.cli.messages import ask_secret, print_info, print_warning
from evergrant.cli.options import complete_service, settings_of
from evergrant.cli.resources import (
    accounts_for,
    open_audit_log,
    require_client,
    require_persistent_store,
)
from evergrant.config import Settings
from evergrant.errors import ConfigError, NoRefreshToken, UntrustedServer
from evergrant.services import find_service

if TYPE_CHECKING:
    from evergrant.cli.login_callback import CallbackServer, PendingLogin

__all__ = ["login"]

LOGIN_TIMEOUT_S = 300.0
"""How long the user may take to come back from Zoho."""

ANY_PORT_URL = "http://127.0.0.1:0/callback"
"""The redirect URL for a sandbox, which accepts any port of the loopback interface."""

SECRET_HINT = "Set EVERGRANT_CLIENT_SECRET, or client_secret in the configuration file."  # noqa: S105 - a hint


def login(
    context: typer.Context,
    *,
    self_client: Annotated[
        bool,
        typer.Option(
            "--self-client", help="Log in with a code from the API console, which is asked for."
        ),
    ] = False,
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="Ask for this scope instead of those in the settings. May be repeated.",
        ),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(
            "--service",
            "-s",
            metavar="NAME[,NAME]",
            help="Ask for the scopes of these services, as `evergrant services` lists them.",
            autocompletion=complete_service,
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="USER", help="The user who must log in, or your own name for the token."
        ),
    ] = None,
    data_center: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Where the login starts: us, eu, in, au, cn, jp, ca, sa, uk, ae."
        ),
    ] = None,
    no_browser: Annotated[
        bool,
        typer.Option(
            "--no-browser",
            help="Print the address to open; then paste the one the browser ends on.",
        ),
    ] = False,
    prompt_consent: Annotated[
        bool,
        typer.Option(
            "--prompt-consent",
            help="Ask for consent again, to get a new refresh token.",
        ),
    ] = False,
) -> None:
    """Log a user in, and save the grant in the store.

    The client secret comes from the settings, a hidden prompt or stdin, and a code from a
    prompt or stdin: never from an argument.
    """
    settings = settings_of(context)
    settings = replace(settings, data_center=data_center or settings.data_center)
    require_persistent_store(settings.store)
    wanted = _wanted_scopes(scopes, service) or read_scopes(settings.scopes)
    if not settings.sandbox:
        settings = require_client(
            settings,
            otherwise="Register an app at https://api-console.zoho.com with the redirect URL "
            f"{settings.redirect_url}, then set EVERGRANT_CLIENT_ID, or client_id in "
            f"{settings.file}. To try it out: evergrant sandbox, evergrant login --sandbox.",
            secret_hint=SECRET_HINT,
        )
    with ExitStack() as stack:
        listener = None if self_client else _open_callback_server(settings, needed=not no_browser)
        if listener:
            settings = replace(settings, redirect_url=stack.enter_context(listener).url)
        store = stack.enter_context(evergrant.open_store(settings.store))
        accounts = stack.enter_context(accounts_for(settings, settings.sandbox))
        keeper = evergrant.Keeper(
            store, accounts, policy=settings.policy, on_event=open_audit_log(settings)
        )
        if data_center:
            accounts.data_centers.by_code(data_center)
        try:
            if self_client:
                token = keeper.login_with_code(_ask_code(), user, data_center=data_center)
            else:
                begin = partial(keeper.authorization_url, wanted, user)
                url = begin(prompt_consent=prompt_consent)
                again = None if prompt_consent else partial(begin, prompt_consent=True)
                token = _wait_for_redirect(keeper, url, again, listener, browse=not no_browser)
        except NoRefreshToken as error:
            said = error.hint.replace("prompt_consent=True (prompt=consent)", "--prompt-consent")
            error.hint = said if self_client else "Log in again with --prompt-consent."
            raise
        print_info(f"logged in: {token.user_name} (id {token.id})")
        print_info(f"scopes: {' '.join(token.scopes) or 'Zoho did not say'}")
        print_info(f"data center: {accounts.data_center_of(token).code}")
        print_info(f"store: {store.url}")


def _wanted_scopes(scopes: list[str] | None, services: str | None) -> tuple[str, ...]:
    """Return the scopes that are named, and those of the services; () if none is named.

    Raises:
        ConfigError: A scope or a service cannot be one, or a service has no scopes of its own.
    """
    named = list(scopes or ())
    for name in filter(None, (services or "").split(",")):
        found = find_service(name)
        if not found.default_scopes:
            raise ConfigError(
                f"which scopes a login for {found.title} needs is not in the table",
                hint="Name them with --scope.",
            )
        named += found.default_scopes
    return read_scopes(named) if named else ()


def _open_callback_server(settings: Settings, *, needed: bool) -> CallbackServer | None:
    from evergrant.cli.login_callback import CallbackServer

    try:
        return CallbackServer(ANY_PORT_URL if settings.sandbox else settings.redirect_url)
    except ConfigError:
        if needed:
            raise
        return None


def _ask_code() -> str:
    return ask_secret("Code from the API console", otherwise="Type it, or send it to stdin.")


def _wait_for_redirect(
    keeper: evergrant.Keeper,
    url: str,
    again: Callable[[], str] | None,
    listener: CallbackServer | None,
    *,
    browse: bool,
) -> evergrant.Token:
    from evergrant.cli.login_callback import PendingLogin

    state = parse_qs(urlsplit(url).query)["state"][0]
    pending = PendingLogin(
        state, keeper.complete_login, again and partial(_announce_second_consent, again)
    )
    if listener:
        listener.serve(pending, print_warning)
    if not browse:
        print_info("Open this address in any browser:")
    elif webbrowser.open(url):
        print_info("Your browser should now show Zoho's consent page. If it does not, open:")
    else:
        print_info("Open this address in a browser on this machine (elsewhere: see --no-browser):")
    print_info(f"  {url}")
    if not browse:
        print_info(
            "If the browser ends on a page that does not load, paste that page's address here:"
        )
        alone = listener is None
        threading.Thread(target=_read_pasted, args=(pending, alone), daemon=True).start()
    return pending.wait(LOGIN_TIMEOUT_S)


def _announce_second_consent(again: Callable[[], str]) -> str:
    print_info("Zoho sent no refresh token, since you consented before. It asks once more.")
    return again()


def _print_next_address(address: str) -> None:
    print_info("Open this address, then paste the address that the browser ends on:")
    print_info(f"  {address}")


def _read_pasted(pending: PendingLogin, alone: bool) -> None:  # noqa: FBT001 - a thread's argument
    # Not sys.stdin: the interpreter cannot exit while a thread waits in it.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stdin:
        for line in stdin:
            redirect = line.decode("utf-8", "replace").strip()
            if redirect:
                try:
                    pending.complete(redirect, lambda _: None, _print_next_address)
                except UntrustedServer as error:
                    print_warning(error.message)
    if alone:
        pending.fail("no address was pasted")
