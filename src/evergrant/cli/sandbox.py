"""``evergrant sandbox``: runs a local Zoho on this machine."""

from __future__ import annotations

import logging
import re
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from evergrant.cli.options import SANDBOX_PORT
from evergrant.errors import ConfigError

if TYPE_CHECKING:
    from evergrant.sandbox import Sandbox

__all__ = ["sandbox"]

MAX_SANDBOX_PORT = 65_000
"""With a higher port, the ports of several data centers might not fit."""

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
            "--redirect-url", metavar="URL", help="Register this redirect URL too. May be repeated."
        ),
    ] = None,
    lenient: Annotated[
        bool,
        typer.Option(
            "--lenient", help="Accept unknown fields and modules instead of refusing them."
        ),
    ] = False,
) -> None:
    """Run a faithful local Zoho until Ctrl-C, with users to log in as.

    To use it from your app, the examples or other commands, paste the lines that it prints.
    """
    from evergrant.datacenter import ZOHO
    from evergrant.sandbox import Sandbox

    if port not in range(MAX_SANDBOX_PORT + 1):
        raise ConfigError(f"--port {port}: ports go from 0 to {MAX_SANDBOX_PORT}")
    for url in redirect_urls or ():
        if not re.fullmatch(r"https?://[^\s/]+\S*", url):
            raise ConfigError(f"--redirect-url {url!r} is not an address (https://host/path)")
    codes = [ZOHO.by_code(code).code for code in data_centers or ["us", "eu"]]
    zoho = Sandbox(data_centers=dict.fromkeys(codes), port=port, strict=not lenient)
    zoho.client = zoho.add_client(
        redirect_uris=(*zoho.client.redirect_uris, *(redirect_urls or ())),
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
    )
    logging.getLogger("evergrant.sandbox").addHandler(logging.StreamHandler())
    try:
        zoho.start()
    except OSError as error:
        raise ConfigError(
            f"the ports from {port} on cannot be opened: {error.strerror}",
            hint="Is another sandbox running? Choose another --port.",
        ) from None
    try:
        _print_instructions(zoho, "--sandbox" if port == SANDBOX_PORT else f"--sandbox={zoho.url}")
        threading.Event().wait()
    except KeyboardInterrupt:
        pass  # the normal way to stop it
    finally:
        zoho.stop()


def _print_instructions(zoho: Sandbox, option: str) -> None:
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
    typer.echo("Ctrl-C stops it; nothing is kept.")
    sys.stdout.flush()


def _shell_variables(zoho: Sandbox) -> dict[str, str]:
    # The secret may be shown: it is valid for this sandbox only.
    return {
        "EVERGRANT_SANDBOX": zoho.url,
        "ZOHO_CLIENT_ID": zoho.client.client_id,
        "ZOHO_CLIENT_SECRET": zoho.client.client_secret,
        "ZOHO_REDIRECT_URL": "http://127.0.0.1:8000/zoho/callback",
    }
