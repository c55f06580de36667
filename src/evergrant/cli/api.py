"""``evergrant api``: sends one signed request to a Zoho API, like ``gh api`` for GitHub."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from evergrant._network.http_client import open_client
from evergrant._network.http_deadline import deadline
from evergrant._text import json_text, printable
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.messages import print_error, print_info
from evergrant.cli.options import settings_of
from evergrant.cli.request_fields import build_json_body, parse_pairs
from evergrant.cli.resources import online_keeper, open_audit_log, require_only_user
from evergrant.cli.tables import console
from evergrant.errors import AccountsUnavailable, ConfigError

if TYPE_CHECKING:
    import httpx2

    from evergrant.keeper import Keeper

__all__ = ["api"]

READ_TIMEOUT_S = 60.0
"""How long to wait for an API. COQL and search are slow at times."""

CALL_TIMEOUT_S = 600.0
"""How long a whole call may take, even if data keeps arriving."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_HEADER = re.compile(r"([\w!#$%&'*+.^`|~-]+): *([ -~]*)", re.ASCII)
FIELDS_IN_QUERY = ("GET", "HEAD", "DELETE", "OPTIONS")


def api(
    context: typer.Context,
    call: Annotated[
        list[str], typer.Argument(metavar="[METHOD] PATH", help="Such as /crm/v8/Leads.")
    ],
    *,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "-f",
            "--field",
            metavar="KEY=VALUE",
            help="A query parameter or a part of the JSON body. May be repeated.",
        ),
    ] = None,
    body: Annotated[
        str | None,
        typer.Option("--input", metavar="FILE", help="Send this file as the body. - is stdin."),
    ] = None,
    headers: Annotated[
        list[str] | None,
        typer.Option("-H", "--header", metavar="'NAME: VALUE'", help="Send this header too."),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            "--user",
            "-u",
            metavar="USER",
            help="Use this user's token. Needed if several users are logged in.",
        ),
    ] = None,
    include: Annotated[
        bool, typer.Option("--include", "-i", help="Print status and headers first.")
    ] = False,
) -> None:
    """Call an API as a user; print JSON, coloured on a terminal, unchanged in a pipe.

    The method is GET, or POST if there are fields or a body. Fields become query parameters
    with GET, HEAD, DELETE and --input. Otherwise they become a JSON body:
    -f 'data[][Last_Name]=Doe'. Exits with 1 if the API returns an error.
    """
    method, path = _parse_call(call, has_body=bool(fields or body))
    query, content = _build_payload(method, fields or [], body)
    named = dict(_parse_header(header) for header in headers or [])
    settings = settings_of(context)
    who = user or require_only_user(settings)
    with online_keeper(
        settings, who, policy=settings.policy, on_event=open_audit_log(settings)
    ) as keeper:
        answer = _send(keeper, who, method, path, query, content, named)
    _print_response(answer, include=include)
    if answer.is_error:
        print_error(f"HTTP {answer.status_code} {answer.reason_phrase}".strip())
        raise typer.Exit(ExitCode.BAD_RESULT)


def _parse_call(call: list[str], *, has_body: bool) -> tuple[str, str]:
    *method, path = call
    verb = method[0].upper() if method else "POST" if has_body else "GET"
    if len(method) > 1 or verb not in METHODS or path.upper() in METHODS:
        raise ConfigError(
            f"{' '.join(call)!r} is not [METHOD] PATH", hint=f"Methods: {', '.join(METHODS)}."
        )
    return verb, path


def _build_payload(
    method: str, fields: list[str], body: str | None
) -> tuple[list[tuple[str, str]], bytes | None]:
    if body is not None:
        return parse_pairs(fields), _read(body)
    if method in FIELDS_IN_QUERY or not fields:
        return parse_pairs(fields), None
    return [], json.dumps(build_json_body(fields)).encode()


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from None


def _parse_header(text: str) -> tuple[str, str]:
    header = _HEADER.fullmatch(text)
    if header is None:
        raise ConfigError(f"-H {text!r} is not of the form 'Name: value'")
    if header[1].lower() == "authorization":
        raise ConfigError("evergrant signs the request itself", hint="Leave out that header.")
    return header[1], header[2]


def _send(
    keeper: Keeper,
    user: str,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    content: bytes | None,
    headers: dict[str, str],
) -> httpx2.Response:
    import httpx2

    named = httpx2.Headers(headers)
    if content is not None:
        named.setdefault("Content-Type", "application/json")
    url = path
    if "://" not in path.partition("?")[0]:
        base = keeper.token(user).api_domain or keeper.accounts.home_data_center.api_url
        url = f"{base}/{path.removeprefix('/')}"
    try:
        # `auth` refuses an address that is not the user's own API before any token is sent.
        # Plain http means a sandbox on this machine: no proxy is needed to reach it.
        proxied = not url.startswith("http://")
        with (
            deadline(CALL_TIMEOUT_S),
            open_client(
                auth=keeper.auth(user), timeout=READ_TIMEOUT_S, trust_env=proxied
            ) as client,
        ):
            target = (
                httpx2.URL(url).copy_merge_params(httpx2.QueryParams(tuple(query)))
                if query
                else url
            )
            return client.request(method, target, content=content, headers=named)
    except httpx2.InvalidURL:
        raise ConfigError(f"{path!r} is not a path") from None
    except httpx2.HTTPError as error:
        kind = type(error).__name__
    raise AccountsUnavailable(f"no answer from {urlsplit(url).hostname} ({kind})")


def _print_response(answer: httpx2.Response, *, include: bool) -> None:
    if include:
        typer.echo(printable(f"{answer.http_version} {answer.status_code} {answer.reason_phrase}"))
        for name, value in answer.headers.items():
            typer.echo(printable(f"{name}: {value}"))
        typer.echo()
    if not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.write(answer.content)
    elif answer.content:
        _print_colored(answer)
    if not answer.content and not answer.is_error and not include:
        print_info(f"HTTP {answer.status_code} {answer.reason_phrase}: the answer is empty")


def _print_colored(answer: httpx2.Response) -> None:
    from rich.highlighter import JSONHighlighter

    try:
        found = json_text(json.loads(answer.content), indent=2)
    except (ValueError, RecursionError):
        lines = answer.text.splitlines()
        typer.echo("\n".join(printable(line) for line in lines))
    else:
        console().print(JSONHighlighter()(found), soft_wrap=True)
