"""``evergrant login``: by browser, by a pasted redirect, or with a self client's code."""

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
from evergrant.cli.auditing import audit_log
from evergrant.cli.options import settings_of
from evergrant.cli.session import accounts_of, refuse_forgetful
from evergrant.cli.speech import ask_secret, note, warn
from evergrant.config import Settings
from evergrant.errors import ConfigError, NoRefreshToken, UntrustedServer
from evergrant.scopes import read_scopes

if TYPE_CHECKING:
    from evergrant.cli.callback import Answer, Listener

__all__ = ["login"]

WAIT = 300.0
"""Seconds for the user to come back from Zoho."""

ANY_PORT = "http://127.0.0.1:0/callback"
"""The redirect URL at a sandbox, which takes any port of the loopback interface."""

SECRET_ELSEWHERE = "Set EVERGRANT_CLIENT_SECRET, or client_secret in the configuration file."  # noqa: S105 - a hint


def login(
    context: typer.Context,
    *,
    self_client: Annotated[
        bool,
        typer.Option(
            "--self-client", help="Log in with a code made in the API console; it is asked for."
        ),
    ] = False,
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="Ask for this scope, not those in the settings; may be repeated.",
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="USER", help="Who must log in, or a name of your own to keep the token under."
        ),
    ] = None,
    data_center: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Where the login begins: us, eu, in, au, cn, jp, ca, sa, uk, ae."
        ),
    ] = None,
    no_browser: Annotated[
        bool,
        typer.Option(
            "--no-browser", help="Print the address to open; paste the one the browser ends on."
        ),
    ] = False,
    consent_again: Annotated[
        bool,
        typer.Option(
            "--consent-again",
            help="Ask for consent again, so that Zoho issues a new refresh token.",
        ),
    ] = False,
) -> None:
    """Log a user in, and keep the grant in the store.

    Client secret and code come from the settings, a hidden prompt, or stdin; never from an
    argument.
    """
    settings = settings_of(context)
    settings = replace(settings, data_center=data_center or settings.data_center)
    refuse_forgetful(settings.store)
    wanted = read_scopes(scopes or settings.scopes)
    if not settings.sandbox:
        settings = _with_client(settings)
    with ExitStack() as stack:
        listener = None if self_client else _listener(settings, needed=not no_browser)
        if listener:
            settings = replace(settings, redirect_url=stack.enter_context(listener).url)
        store = stack.enter_context(evergrant.open_store(settings.store))
        accounts = stack.enter_context(accounts_of(settings, settings.sandbox))
        keeper = evergrant.Keeper(
            store, accounts, policy=settings.policy, on_event=audit_log(settings)
        )
        if data_center:
            accounts.data_centers.by_code(data_center)
        try:
            if self_client:
                token = keeper.login_with_code(_code(), user, data_center=data_center)
            else:
                begin = partial(keeper.authorization_url, wanted, user)
                url = begin(consent_again=consent_again)
                again = None if consent_again else partial(begin, consent_again=True)
                token = _by_redirect(keeper, url, again, listener, browse=not no_browser)
        except NoRefreshToken as error:
            said = error.hint.replace("consent_again=True (prompt=consent)", "--consent-again")
            error.hint = said if self_client else "Log in again with --consent-again."
            raise
        note(f"logged in: {token.user_name} (id {token.id})")
        note(f"scopes: {' '.join(token.scopes) or 'Zoho did not say'}")
        note(f"data center: {accounts.data_center_of(token).code}")
        note(f"store: {store.url}")


def _listener(settings: Settings, *, needed: bool) -> Listener | None:
    from evergrant.cli.callback import Listener

    try:
        return Listener(ANY_PORT if settings.sandbox else settings.redirect_url)
    except ConfigError:
        if needed:
            raise
        return None


def _with_client(settings: Settings) -> Settings:
    if not settings.client_id:
        raise ConfigError(
            "no client id",
            hint="Register an app at https://api-console.zoho.com with the redirect URL "
            f"{settings.redirect_url}, then set EVERGRANT_CLIENT_ID, or client_id in "
            f"{settings.file}. To try it out: evergrant sandbox, evergrant login --sandbox.",
        )
    if settings.client_secret or settings.client_secrets:
        return settings
    return replace(settings, client_secret=ask_secret("Client secret", otherwise=SECRET_ELSEWHERE))


def _code() -> str:
    return ask_secret("Code from the API console", otherwise="Type it, or send it to stdin.")


def _by_redirect(
    keeper: evergrant.Keeper,
    url: str,
    again: Callable[[], str] | None,
    listener: Listener | None,
    *,
    browse: bool,
) -> evergrant.Token:
    from evergrant.cli.callback import Answer

    state = parse_qs(urlsplit(url).query)["state"][0]
    answer = Answer(state, keeper.complete_login, again and partial(_told_again, again))
    if listener:
        listener.serve(answer, warn)
    if not browse:
        note("Open this address in any browser:")
    elif webbrowser.open(url):
        note("Your browser should show Zoho's consent page now. If it does not, open:")
    else:
        note("Open this address in a browser on this machine (elsewhere: see --no-browser):")
    note(f"  {url}")
    if not browse:
        note("If the browser ends on a page that does not load, paste that page's address here:")
        alone = listener is None
        threading.Thread(target=_read_pasted, args=(answer, alone), daemon=True).start()
    return answer.wait(WAIT)


def _told_again(again: Callable[[], str]) -> str:
    note("Zoho sent no refresh token, since you consented before: it asks once more.")
    return again()


def _open_by_hand(address: str) -> None:
    note("Open this address, and paste the one that the browser ends on once more:")
    note(f"  {address}")


def _read_pasted(answer: Answer, alone: bool) -> None:  # noqa: FBT001 - a thread's argument
    # Not sys.stdin: the interpreter cannot end while a thread waits inside of that.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stdin:
        for line in stdin:
            redirect = line.decode("utf-8", "replace").strip()
            if redirect:
                try:
                    answer.offer(redirect, lambda _: None, _open_by_hand)
                except UntrustedServer as error:
                    warn(error.message)
    if alone:
        answer.give_up("no address was pasted")
