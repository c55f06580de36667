"""``evergrant doctor``: shows where everything is and what is wrong with it, without secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import evergrant
from evergrant._crypto.key_sources import keyring_from_environment
from evergrant._text import json_text
from evergrant.cli.doctor_check import Check
from evergrant.cli.doctor_clocks import check_clocks, format_offset
from evergrant.cli.doctor_grants import check_grants
from evergrant.cli.doctor_lifeboat import check_lifeboats
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.options import AsJson, settings_of
from evergrant.cli.resources import (
    accounts_for,
    is_sandboxed,
    open_audit_log,
    require_persistent_store,
)
from evergrant.cli.tables import console, table
from evergrant.config import Settings
from evergrant.errors import (
    AccountsUnavailable,
    ConfigError,
    CorruptRecord,
    EvergrantError,
    UntrustedServer,
)
from evergrant.token import EXPIRY_LEEWAY

if TYPE_CHECKING:
    from evergrant._oauth.transport import HttpxTransport

__all__ = ["doctor"]

ACCOUNTS_TIMEOUT_S = 5.0
"""How long to wait for an accounts server."""


def doctor(
    context: typer.Context,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Do not contact Zoho.")] = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Save the tokens in the lifeboat to the store."),
    ] = False,
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt",
            help="With --repair: also take files that are not encrypted although a key is set.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, store, permissions, servers and clocks.

    Exits with 1 if there is a problem.
    """
    settings = settings_of(context)
    tokens: list[evergrant.Token] = []
    checks = [
        _check_versions(),
        _check_configuration(settings),
        _check_client(settings),
        *_check_keys(),
    ]
    checks += [
        *_check_data_centers(settings),
        *_check_redirect_url(settings),
        *_check_audit_log(settings),
    ]
    if repair:
        require_persistent_store(settings.store)
        checks += check_lifeboats(settings, repair=True, adopt=adopt)
    checks += _check_store(settings, tokens)
    if not repair:
        checks += check_lifeboats(settings, repair=False)
    if not offline:
        checks += _check_servers(settings, tokens)
    if as_json:
        typer.echo(json_text([asdict(check) for check in checks], indent=2))
    else:
        screen = console()
        screen.print(table(("", "what", "result"), _table_rows(checks), screen.width))
    if any(check.status == "problem" for check in checks):
        raise typer.Exit(ExitCode.BAD_RESULT)


def _table_rows(checks: Iterable[Check]) -> Iterator[tuple[str, str, str]]:
    for check in checks:
        yield check.status, check.name, check.detail
        if check.hint:
            yield " ", " ", check.hint


def _check_versions() -> Check:
    import platform
    import sqlite3
    from importlib.metadata import version

    named = ", ".join(f"{name} {version(name)}" for name in ("evergrant", "httpx2"))
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return Check("versions", "ok", f"{named}, {python}")


def _check_configuration(settings: Settings) -> Check:
    if settings.warning:
        return Check("configuration", "problem", settings.warning)
    there = "" if settings.file.exists() else " (does not exist: defaults)"
    return Check("configuration", "ok", f"{settings.file}{there}")


def _check_client(settings: Settings) -> Check:
    if settings.sandbox:
        return Check("client", "ok", "the sandbox's own")
    if not settings.client_id:
        return Check(
            "client",
            "note",
            "none is set: tokens are refreshed with the client that is stored with them",
            "To log users in, set EVERGRANT_CLIENT_ID and EVERGRANT_CLIENT_SECRET.",
        )
    codes = ", ".join(settings.client_secrets)
    secret = f"secrets for {codes}" if codes else "a secret" if settings.client_secret else ""
    return Check(
        "client",
        "ok" if secret else "note",
        f"{settings.client_id}, with {secret or 'no secret: a login asks for it'}",
    )


def _check_data_centers(settings: Settings) -> Iterator[Check]:
    from evergrant.datacenter import ZOHO

    if settings.sandbox:
        return
    for code in filter(None, (settings.data_center, *settings.client_secrets)):
        try:
            ZOHO.by_code(code)
        except EvergrantError as error:
            yield Check("data center", "problem", error.message, error.hint)


def _check_redirect_url(settings: Settings) -> Iterator[Check]:
    from evergrant.cli.login_callback import parse_loopback_url

    try:
        parse_loopback_url(settings.redirect_url)
    except ConfigError as error:
        # A web app has its own redirect URL, at which the command line cannot listen.
        is_web = settings.redirect_url.startswith("https://")
        yield Check("redirect URL", "note" if is_web else "problem", error.message, error.hint)


def _check_audit_log(settings: Settings) -> Iterator[Check]:
    if settings.audit is None:
        return
    try:
        log = open_audit_log(settings)
    except EvergrantError as error:
        yield Check("audit log", "problem", error.message, error.hint)
        return
    from evergrant.observing.audit_log_files import count_missing

    with suppress(OSError):  # it was rotated at this very moment
        missing, last = count_missing(Path(settings.audit))
        if log and missing:
            yield Check(
                "audit log",
                "note",
                f"{missing} events are missing in {log.path}, the last one before {last}",
                "The log could not be written or was too slow: see docs/observability.md.",
            )


def _check_keys() -> Iterator[Check]:
    try:
        keys = keyring_from_environment()
    except EvergrantError as error:
        yield Check("keys", "problem", error.message, error.hint)
    else:
        if keys:
            newest, *older = (key.id for key in reversed(keys.oldest_first))
            opens = f"; {', '.join(older)} can still decrypt" if older else ""
            yield Check("keys", "ok", f"{newest} encrypts new data{opens}")


def _check_store(settings: Settings, tokens: list[evergrant.Token]) -> Iterator[Check]:
    """Check the store; add its tokens to ``tokens``."""
    corrupt: list[CorruptRecord] = []
    try:
        with _captured_warnings() as said, evergrant.open_store(settings.store) as store:
            tokens += store.iter_tokens(on_corrupt=corrupt.append)
            url, warnings, remarks = (
                store.url,
                list(store.config_warnings()),
                list(store.config_remarks()),
            )
            standing = [*check_clocks(store), *check_grants(settings, store, tokens)]
    except EvergrantError as error:
        yield Check("store", "problem", error.message, error.hint)
        return
    yield Check("store", "ok", url)
    for warning in warnings:
        yield Check("store settings", "problem", warning, "See docs/stores.md.")
    for remark in remarks:
        yield Check("way to the store", "note", remark, "See docs/stores.md.")
    for text in said:
        yield Check("store log", "note", text)
    yield Check("tokens", "ok", str(len(tokens)))
    yield from standing
    for broken in corrupt:
        yield Check("tokens", "problem", broken.message, broken.hint)
    for token in tokens:
        if not token.user_name:
            yield Check(
                "nameless grant",
                "note",
                f"token {token.id}: its login ended before its user was known",
                f"Log in again, then: evergrant delete --id {token.id}",
            )


@contextmanager
def _captured_warnings() -> Iterator[list[str]]:
    """Collect the warnings that are logged, for instance about a file that others could read."""
    log, said = logging.getLogger("evergrant"), list[str]()
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    try:
        yield said
    finally:
        log.removeHandler(handler)


def _check_servers(settings: Settings, tokens: Iterable[evergrant.Token]) -> Iterator[Check]:
    from evergrant._oauth.transport import HttpxTransport

    try:
        accounts = accounts_for(settings, settings.sandbox)
    except EvergrantError as error:
        yield Check("accounts server", "problem", error.message, error.hint)
        return
    with accounts, closing(HttpxTransport(ACCOUNTS_TIMEOUT_S)) as send:
        homes = {accounts.home_data_center.code: accounts.home_data_center}
        for token in tokens:
            if settings.sandbox or not is_sandboxed(token):
                try:
                    home = accounts.data_center_of(token)
                    homes[home.code] = home
                except UntrustedServer as error:
                    about = f"token {token.id}: {error.message}"
                    yield Check("data center", "problem", about, error.hint)
        for home in homes.values():
            yield _check_server(home, accounts, send)


def _check_server(
    home: evergrant.DataCenter, accounts: evergrant.Accounts, send: HttpxTransport
) -> Check:
    from email.utils import parsedate_to_datetime

    from evergrant._oauth.errors import REDIRECTION, is_page
    from evergrant._oauth.messages import HttpRequest

    name = f"accounts server {home.code}"
    began = accounts.clock()
    try:
        answer = send(HttpRequest("GET", f"{home.accounts_url}/oauth/serverinfo"))
    except AccountsUnavailable as error:
        return Check(name, "problem", error.message, "Check network, proxy and firewall.")
    except ConfigError as error:
        return Check(name, "problem", error.message, error.hint)
    is_between = answer.status // 100 == REDIRECTION or is_page(answer)
    if is_between or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        what = f"{home.accounts_url} answers HTTP {answer.status}"
        if is_between:
            what += ", with a web page or a redirect: a proxy or the network may require a login"
        return Check(name, "problem", what)
    try:
        theirs = parsedate_to_datetime(answer.headers["date"])
        off = (began + (accounts.clock() - began) / 2 - theirs).total_seconds()
    except (KeyError, ValueError, TypeError):
        return Check(name, "note", f"{home.accounts_url} answers, but does not send the time")
    if abs(off) < EXPIRY_LEEWAY.total_seconds():
        return Check(name, "ok", f"{home.accounts_url} answers; clocks differ by {abs(off):.0f} s")
    hint = "Set the clock (NTP): tokens look valid too long, or expire too soon."
    return Check(name, "problem", format_offset(off, home.accounts_url), hint)
