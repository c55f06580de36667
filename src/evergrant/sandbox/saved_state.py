"""The state of a sandbox as JSON, so that one that starts later goes on with it.

It holds people, orgs with their records, clients, grants and tokens. Codes, open consent pages,
faults and the log of calls are not in it: they end with the sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from evergrant.sandbox.accounts.grants import Grants
from evergrant.sandbox.crm.seeding import declare_missing
from evergrant.sandbox.limits import Window
from evergrant.sandbox.models import AccessToken, Client, Grant, Org, User
from evergrant.sandbox.registry import Directory
from evergrant.sandbox.request_context import SandboxState

__all__ = ["dump", "restore"]

VERSION = 1

Data = dict[str, Any]


def dump(state: SandboxState) -> Data:
    """Return the state as JSON has it; it has secrets of the sandbox in it."""
    directory = state.directory
    return {
        "version": VERSION,
        "client": state.client.client_id,
        "clients": [_client_data(client) for client in directory.clients.values()],
        "orgs": [_org_data(org) for org in directory.orgs.values()],
        "users": [_user_data(user) for user in directory.users.values()],
        "grants": [_grant_data(grant) for grant in state.grants.all()],
        "consents": [list(pair) for pair in state.grants.consents()],
        "records": [[*key, records] for key, records in state.records.items()],
        "denied": [list(pair) for pair in sorted(state.denied)],
    }


def restore(state: SandboxState, text: str) -> float:
    """Put a state that was saved in the place of this one; return how far ahead its clock is.

    Raises:
        ValueError: It is not a saved state, or has a data center that this sandbox does not run.
    """
    try:
        data = json.loads(text)
        ahead = float(data["clock_ahead_s"])
        if data["version"] != VERSION:
            raise ValueError(f"the state is of version {data['version']}, not {VERSION}")
        directory = _directory(state.directory.data_centers, data)
        grants = _grants(state.grants, directory, data)
        records = {(service, name): list(items) for service, name, items in data["records"]}
        denied = {(email, service) for email, service in data["denied"]}
        client = directory.clients[data["client"]]
    except (LookupError, TypeError, AttributeError, RecursionError, json.JSONDecodeError):
        raise ValueError("the state is incomplete or damaged") from None
    for org in directory.orgs.values():
        for module, rows in org.records.items():
            if not module.startswith("$"):
                with suppress(ValueError):  # a name that cannot be is not declared
                    declare_missing(state.schema, module, rows.values())
    state.directory, state.grants, state.client = directory, grants, client
    state.records, state.denied = records, denied
    return ahead


def _client_data(client: Client) -> Data:
    return {
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "redirect_uris": list(client.redirect_uris),
        "secrets": client.secrets,
        "data_centers": client.data_centers and list(client.data_centers),
    }


def _org_data(org: Org) -> Data:
    return {
        "zgid": org.zgid,
        "name": org.name,
        "kind": org.kind,
        "data_center": org.data_center,
        "records": org.records,
    }


def _user_data(user: User) -> Data:
    return {
        "email": user.email,
        "zuid": user.zuid,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "data_center": user.data_center,
        "orgs": [org.zgid for org in user.orgs],
        "services": None if user.services is None else sorted(user.services),
    }


def _grant_data(grant: Grant) -> Data:
    mints = grant.mints
    return {
        "refresh_token": grant.refresh_token,
        "client_id": grant.client_id,
        "user": grant.user.email,
        "org": grant.org.zgid,
        "scopes": list(grant.scopes),
        "mints": [mints.count, mints.ends and mints.ends.isoformat()],
        "access_tokens": [[one.value, one.expires_at.isoformat()] for one in grant.access_tokens],
    }


def _directory(data_centers: tuple[str, ...], data: Mapping[str, Any]) -> Directory:
    found = Directory(data_centers)
    for one in data["clients"]:
        enabled = one["data_centers"]
        client = Client(
            one["client_id"],
            one["client_secret"],
            tuple(one["redirect_uris"]),
            dict(one["secrets"]),
            None if enabled is None else tuple(enabled),
        )
        found.clients[client.client_id] = client
    for one in data["orgs"]:
        found.orgs[one["zgid"]] = Org(
            one["zgid"], one["name"], one["kind"], one["records"], one["data_center"]
        )
    for one in data["users"]:
        services = one["services"]
        user = User(
            one["email"], one["zuid"], one["first_name"], one["last_name"], [],
            one["data_center"], None if services is None else frozenset(services),
        )  # fmt: skip
        for zgid in one["orgs"]:
            found.join(user, found.orgs[zgid])
        found.users[user.email.lower()] = user
    lacking = {one.data_center for one in found.orgs.values()} - set(data_centers)
    if lacking:
        raise ValueError(f"the state has people in {', '.join(sorted(lacking))}: run it there too")
    found.continue_numbers()
    return found


def _grants(old: Grants, directory: Directory, data: Mapping[str, Any]) -> Grants:
    grants = []
    for one in data["grants"]:
        count, ends = one["mints"]
        grant = Grant(
            one["refresh_token"], one["client_id"], directory.user(one["user"]),
            directory.orgs[one["org"]], tuple(one["scopes"]),
            mints=Window(count, ends and datetime.fromisoformat(ends)),
        )  # fmt: skip
        for value, expires_at in one["access_tokens"]:
            token = AccessToken(value, grant, datetime.fromisoformat(expires_at))
            grant.access_tokens.append(token)
        grants.append(grant)
    return old.with_grants(grants, ((email, client_id) for email, client_id in data["consents"]))
