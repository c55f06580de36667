"""``evergrant services`` lists Zoho's services; ``evergrant orgs`` lists a user's orgs."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from evergrant.cli.api_request import ApiRequest
from evergrant.cli.messages import print_info
from evergrant.cli.options import AsJson, ServiceName, settings_of
from evergrant.cli.resources import online_keeper, open_audit_log, require_only_user
from evergrant.cli.tables import console, table
from evergrant.cli.tokens import print_json
from evergrant.datacenter import ZOHO
from evergrant.errors import ConfigError, OAuthError
from evergrant.services import SERVICES, Service, find_service
from evergrant.services.pages import items_in, value_at
from evergrant.services.target import Target

__all__ = ["orgs", "services"]

_ORG_WORDS = {
    "header": "--org (header)",
    "query": "--org (query)",
    "path": "--org (path)",
    "token": "bound at login",
    "caller": "in your paths",
}


def services(
    name: Annotated[
        str | None, typer.Argument(metavar="[SERVICE]", help="Show everything about this service.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the Zoho services that can be called, or show one."""
    wanted = [find_service(name)] if name else list(SERVICES.values())
    if as_json:
        print_json([_describe(service) for service in wanted])
    elif name:
        for key, value in _describe(wanted[0]).items():
            typer.echo(f"{key + ':':<16}{_display(value)}")
    else:
        screen = console()
        rows = [
            [one.name, one.title, _ORG_WORDS[one.org.travels], _display(one.default_scopes)]
            for one in wanted
        ]
        heads = ["service", "name", "org", "scopes of login"]
        screen.print(table(heads, rows, screen.width))


def orgs(
    context: typer.Context,
    user: Annotated[
        str | None, typer.Argument(metavar="[USER]", help="Needed if several users are logged in.")
    ] = None,
    *,
    service: ServiceName = None,
    as_json: AsJson = False,
) -> None:
    """List a user's orgs or portals of a service: the ids that --org takes."""
    found, settings = find_service(service or "crm"), settings_of(context)
    path = found.org.list_path
    if path is None:
        raise ConfigError(
            f"{found.title} has no list of orgs",
            hint="Zoho bound the grant to one org when the user consented."
            if found.org.travels == "token"
            else "Its ids are parts of the paths that you call.",
        )
    who = user or require_only_user(settings)
    with online_keeper(
        settings, who, policy=settings.policy, on_event=open_audit_log(settings)
    ) as keeper:
        request = ApiRequest(keeper, who, Target(found), "GET", path, None, {}, is_below=True)
        response = request.send(())
    if response.is_error:
        refusal = found.refusal(response.status_code, response.content)
        why = f" ({refusal.value})" if refusal else ""
        scope = f"It takes the scope {found.probe.scope}." if found.probe else ""
        raise OAuthError(
            f"{found.title} did not list the orgs: HTTP {response.status_code}{why}", hint=scope
        )
    rows = _read_orgs(found, response.content)
    if as_json:
        print_json(rows)
    elif rows:
        screen = console()
        heads = ["org", "name"]
        screen.print(table(heads, [[row["id"], row["name"]] for row in rows], screen.width))
    else:
        print_info(f"{who} is in no org of {found.title}")


def _read_orgs(service: Service, content: bytes) -> list[dict[str, str]]:
    try:
        body = json.loads(content or b"[]")
    except (ValueError, RecursionError):
        raise OAuthError(f"{service.title} did not list the orgs: the answer is not JSON") from None
    org = service.org
    listed = value_at(body, org.list_key)
    found = [listed] if isinstance(listed, dict) else listed if isinstance(listed, list) else []
    return [
        {"id": str(one.get(org.id_key, "")), "name": str(one.get(org.name_key, ""))}
        for one in found or items_in(body)
        if isinstance(one, dict)
    ]


def _describe(service: Service) -> dict[str, Any]:
    return {
        "service": service.name,
        "name": service.title,
        "address": service.base_url(ZOHO.by_code(service.data_centers[0])),
        "data centers": list(service.data_centers),
        "org": _ORG_WORDS[service.org.travels],
        "org is named": service.org.name,
        "scopes begin": service.scope_prefix,
        "scopes of login": list(service.default_scopes),
        "test request": service.probe.path if service.probe else "",
    }


def _display(value: Any) -> str:
    return " ".join(value) if isinstance(value, list | tuple) else str(value)
