"""``evergrant sandbox``: runs a local Zoho on this machine."""

from __future__ import annotations

import logging
import re
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evergrant.cli.options import SANDBOX_PORT
from evergrant.cli.sandbox_setup import StateFile, add_client, add_data, add_users
from evergrant.errors import ConfigError

if TYPE_CHECKING:
    from evergrant.sandbox import Sandbox

__all__ = ["sandbox"]

MAX_SANDBOX_PORT = 65_000
"""With a higher port, the ports of several data centers might not fit."""

SAVE_EVERY_S = 1.0
"""Seconds between two looks at whether the state has changed."""

CLIENT_ID = "1000.EVERGRANTSANDBOX"
"""Always the same, so that a login after a restart replaces the one before."""

CLIENT_SECRET = "evergrant-sandbox"  # noqa: S105 - of an app that exists on this machine only


def sandbox(
    *,
    port: Annotated[
        int,
        typer.Option(metavar="PORT", help="The port to listen on. 0 means any free port."),
    ] = SANDBOX_PORT,
    data_centers: Annotated[
        list[str] | None,
        typer.Option(
            "--data-center",
            metavar="CODE",
            help="Run this data center, such as us or eu. May be repeated.",
        ),
    ] = None,
    redirect_urls: Annotated[
        list[str] | None,
        typer.Option(
            "--redirect-url",
            "--redirect-uri",
            metavar="URL",
            help="Register this redirect URL too. May be repeated.",
        ),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            metavar="ID[:SECRET]",
            help="Register a client with this id, and this invented secret. Name no real secret.",
        ),
    ] = None,
    users: Annotated[
        list[str] | None,
        typer.Option(
            "--user",
            metavar="EMAIL[:CODE]",
            help="Add this person, in the first data center or the one named. May be repeated.",
        ),
    ] = None,
    services: Annotated[
        list[str] | None,
        typer.Option(
            "--service",
            metavar="NAME",
            help="Give people an account in this service only. May be repeated.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Begin with the records of this JSON file."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep people, clients, records and tokens in this file between starts.",
        ),
    ] = None,
    no_limits: Annotated[
        bool,
        typer.Option("--no-limits", help="Lift Zoho's limits on logins, refreshes and calls."),
    ] = False,
    lenient: Annotated[
        bool,
        typer.Option(
            "--lenient", help="Accept unknown fields and modules instead of refusing them."
        ),
    ] = False,
) -> None:
    """Run a faithful local Zoho until Ctrl-C, with users to log in as.

    To use it from your app, the examples or other commands, paste the lines that it prints.
    In a browser, its address shows clients, people, the clock, faults and calls.
    """
    from evergrant.datacenter import ZOHO
    from evergrant.sandbox import Sandbox, Settings

    if port not in range(MAX_SANDBOX_PORT + 1):
        raise ConfigError(f"--port {port}: ports go from 0 to {MAX_SANDBOX_PORT}")
    for url in redirect_urls or ():
        if not re.fullmatch(r"https?://[^\s/]+\S*", url):
            raise ConfigError(f"--redirect-url {url!r} is not an address (https://host/path)")
    codes = [ZOHO.by_code(code).code for code in data_centers or ["us", "eu"]]
    settings = Settings(strict=not lenient)
    with ExitStack() as stack:
        file = stack.enter_context(StateFile(state)) if state else None
        zoho = Sandbox(
            data_centers=dict.fromkeys(codes),
            port=port,
            settings=settings.without_limits() if no_limits else settings,
        )
        if file:
            file.restore(zoho)
        add_client(zoho, client, (CLIENT_ID, CLIENT_SECRET), redirect_urls or ())
        add_users(zoho, users or (), services)
        if data and not (file and not file.is_new):
            add_data(zoho, data)
        _run(zoho, port, file)


def _run(zoho: Sandbox, port: int, file: StateFile | None) -> None:
    ended = threading.Event()
    logging.getLogger("evergrant.sandbox").addHandler(logging.StreamHandler())
    try:
        zoho.start()
    except OSError as error:
        raise ConfigError(
            f"the ports from {port} on cannot be opened: {error.strerror}",
            hint="Is another sandbox running? Choose another --port.",
        ) from None
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        option = "--sandbox" if port == SANDBOX_PORT else f"--sandbox={zoho.url}"
        _print_instructions(zoho, option, file)
        while not ended.wait(SAVE_EVERY_S if file else None):
            if file:
                file.try_to_save(zoho.dump_state)
    except KeyboardInterrupt:
        pass  # the normal way to stop it
    finally:
        signal.signal(signal.SIGTERM, before)
        zoho.stop()
        if file:
            file.save(zoho.dump_state)


def _print_instructions(zoho: Sandbox, option: str, file: StateFile | None) -> None:
    for code in zoho.data_centers.codes:
        typer.echo(f"data center {code}: {zoho.data_center(code).accounts_url}")
    typer.echo(f"client id: {zoho.client.client_id}")
    typer.echo(f"users: {', '.join(user.email for user in zoho.users)}")
    typer.echo(f"log in with: evergrant login {option}")
    typer.echo("for your shell:")
    for name, value in _shell_variables(zoho).items():
        typer.echo(f"  export {name}={value}")
    typer.echo("for evergrant's config.toml:")
    typer.echo(f'  sandbox = "{zoho.url}"')
    typer.echo(f"in a browser: {zoho.url}/")
    kept = f"its state is kept in {file.path}" if file else "nothing is kept"
    typer.echo(f"Ctrl-C stops it; {kept}.")
    sys.stdout.flush()


def _shell_variables(zoho: Sandbox) -> dict[str, str]:
    # The secret may be shown: it is valid for this sandbox only.
    return {
        "EVERGRANT_SANDBOX": zoho.url,
        "ZOHO_CLIENT_ID": zoho.client.client_id,
        "ZOHO_CLIENT_SECRET": zoho.client.client_secret,
        "ZOHO_REDIRECT_URL": "http://127.0.0.1:8000/zoho/callback",
    }
