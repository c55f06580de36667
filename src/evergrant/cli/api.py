"""``evergrant api``: sends signed requests to a Zoho API, like ``gh api`` for GitHub."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evergrant.cli.api_output import JqFilter, print_body, print_head
from evergrant.cli.api_request import ApiRequest, all_pages
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.messages import print_error, print_info
from evergrant.cli.options import OrgId, ServiceName, TokenId, complete_user, settings_of
from evergrant.cli.request_fields import build_json_body, parse_pairs, parse_typed, query_text
from evergrant.cli.resources import (
    named_token,
    online_keeper,
    open_audit_log,
    require_only_user,
)
from evergrant.errors import ConfigError
from evergrant.services import Refusal, find_service
from evergrant.services.target import Target

if TYPE_CHECKING:
    import httpx2

__all__ = ["api"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_HEADER = re.compile(r"([\w!#$%&'*+.^`|~-]+): *([ -~]*)", re.ASCII)
_SERVICE_AND_PATH = re.compile(r"([A-Za-z][A-Za-z ]*):(/(?!/).*)", re.DOTALL)
FIELDS_IN_QUERY = ("GET", "HEAD", "DELETE", "OPTIONS")


def api(
    context: typer.Context,
    call: Annotated[
        list[str],
        typer.Argument(metavar="[METHOD] PATH", help="Such as /crm/v8/Leads, or desk:/tickets."),
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
    typed: Annotated[
        list[str] | None,
        typer.Option(
            "-F",
            "--typed-field",
            metavar="KEY=VALUE",
            help="The same, but true, false, null and numbers are sent as such, @FILE as its text.",
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
            autocompletion=complete_user,
        ),
    ] = None,
    token_id: TokenId = None,
    service: ServiceName = None,
    org: OrgId = None,
    paginate: Annotated[
        bool,
        typer.Option("--paginate", help="Get every page; print one list with all their items."),
    ] = False,
    jq: Annotated[
        str | None,
        typer.Option("--jq", "-q", metavar="FILTER", help="Print what this jq filter selects."),
    ] = None,
    include: Annotated[
        bool, typer.Option("--include", "-i", help="Print status and headers first.")
    ] = False,
) -> None:
    """Call an API as a user; print JSON, coloured on a terminal, unchanged in a pipe.

    desk:/tickets is a path below the service's own address; `evergrant services` lists the
    services. The method is GET, or POST if there are fields or a body. Fields become query
    parameters with GET, HEAD, DELETE, --input and --paginate. Otherwise they become a JSON body:
    -f 'data[][Last_Name]=Doe'. Exits with 1 if the API returns an error.
    """
    method, path = _parse_call(call, has_body=bool(fields or typed or body) and not paginate)
    target, path, is_below = _parse_target(path, service, org)
    if paginate and method != "GET":
        raise ConfigError(f"--paginate goes with GET, not with {method}")
    wanted = JqFilter(jq) if jq else None
    query, content = _build_payload(method, fields or [], typed or [], body)
    named = dict(_parse_header(header) for header in headers or [])
    settings = settings_of(context)
    who = named_token(user, token_id) if user or token_id else require_only_user(settings)
    with online_keeper(
        settings, who, policy=settings.policy, on_event=open_audit_log(settings)
    ) as keeper:
        request = ApiRequest(keeper, who, target, method, path, content, named, is_below)
        if paginate:
            answer, items = all_pages(request, dict(query))
        else:
            answer, items = request.send(query), None
    if include:
        print_head(answer)
    print_body(answer, items, wanted)
    if not answer.content and not answer.is_error and not include:
        print_info(f"HTTP {answer.status_code} {answer.reason_phrase}: the answer is empty")
    if answer.is_error:
        print_error(f"HTTP {answer.status_code} {answer.reason_phrase}".strip())
        if said := _explain(target, answer):
            print_info(said)
        raise typer.Exit(ExitCode.BAD_RESULT)


def _parse_target(path: str, service: str | None, org: str | None) -> tuple[Target, str, bool]:
    """Return the service and org of a path, the path, and whether it is below the base URL.

    Raises:
        ConfigError: Two services are named, the service is unknown, or it takes no org.
    """
    named = _SERVICE_AND_PATH.fullmatch(path)
    if named is None:
        return Target(find_service(service or "crm"), org), path, service is not None
    found = find_service(named[1])
    if service is not None and find_service(service) is not found:
        raise ConfigError(f"the path is for {named[1]}, and --service says {service}")
    return Target(found, org), named[2], True


def _explain(target: Target, answer: httpx2.Response) -> str:
    """Return a sentence about a refusal, or "" if the answer itself says enough."""
    service = target.service
    refusal = service.refusal(answer.status_code, answer.content)
    if refusal is Refusal.UNCLEAR:
        return (
            f"{service.title} does not say why. A new access token was refused too, so the grant "
            "lacks a scope, the user's role does not allow it, or the org is another one's "
            f"(see: evergrant orgs --service {service.name})."
        )
    if refusal is Refusal.MISSING_SCOPE:
        return "The grant lacks a scope: log in again with --scope, or see evergrant show."
    return ""


def _parse_call(call: list[str], *, has_body: bool) -> tuple[str, str]:
    *method, path = call
    verb = method[0].upper() if method else "POST" if has_body else "GET"
    if len(method) > 1 or verb not in METHODS or path.upper() in METHODS:
        raise ConfigError(
            f"{' '.join(call)!r} is not [METHOD] PATH", hint=f"Methods: {', '.join(METHODS)}."
        )
    return verb, path


def _build_payload(
    method: str, fields: list[str], typed: list[str], body: str | None
) -> tuple[list[tuple[str, str]], bytes | None]:
    if body is not None or method in FIELDS_IN_QUERY or not (fields or typed):
        pairs = parse_pairs(fields) + [
            (key, query_text(value)) for key, value in parse_typed(typed, _read)
        ]
        return pairs, None if body is None else _read(body)
    values: list[tuple[str, Any]] = [*parse_pairs(fields), *parse_typed(typed, _read)]
    return [], json.dumps(build_json_body(values)).encode()


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
