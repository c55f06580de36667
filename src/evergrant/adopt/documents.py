"""JSON documents that hold Zoho tokens: each function recognises one shape.

A recogniser gets a record of the document and returns the values by field, or None if the record
has another shape. The shapes of other tools are theirs:

- zoho-cli (https://github.com/omin8tor/zoho-cli): ``tokens.json`` and a ``config.toml`` with JSON.
- zoho-cli by robsannaa: ``token_<address>.json``.
- Singer's tap-zoho-crm, Nango (packages/types/lib/auth/api.ts), n8n (exported with
  ``--decrypted``), PipesHub.
- Airbyte's source-zoho-crm (its ``spec.json``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import BinaryIO

from evergrant.adopt.fields import (
    Fields,
    data_center_code,
    is_placeholder,
    looks_like_zoho,
    owner_in,
    read_fields,
    read_token,
    service_in,
    text_of,
)
from evergrant.adopt.found import ClientFound, Found
from evergrant.datacenter import DataCenters
from evergrant.token import Secret
from evergrant.transfer.formats import Record, parse_json

__all__ = ["read_document"]

MAX_DEPTH = 4
"""How deep in a document a token is looked for."""

Recogniser = Callable[[Record], Fields | None]


def read_document(
    stream: BinaryIO, source: str, known: DataCenters, now: datetime, *, trusted: bool
) -> tuple[list[Found], list[ClientFound], str]:
    """Return the grants and clients of a JSON document, and a problem in words or "".

    Args:
        source: Its name, below the folder.
        trusted: It is Zoho's, though nothing in it says so.
    """
    records = parse_json(stream)
    if isinstance(records, str):
        return [], [], records.replace("the input", "it")
    trusted = trusted or "zoho" in source.lower()
    grants: list[Found] = []
    clients: list[ClientFound] = []
    problem = ""
    for record in records:
        for shape, values in _recognise(record, depth=0):
            if not (trusted or looks_like_zoho(values)):
                continue
            if shape == _ENCRYPTED:
                problem = "its credentials are encrypted: export them with --decrypted"
            elif token := read_token(values, known, now):
                grants.append(
                    Found(
                        token=token,
                        shape=shape,
                        source=source,
                        data_center=data_center_code(values, known),
                        service=service_in(source),
                        key=owner_in(values) or _key_of(source),
                        names=(source.rpartition("/")[2],),
                    )
                )
            elif client := _client_of(values, source, known):
                clients.append(client)
    return grants, clients, problem


def _recognise(record: object, depth: int) -> Iterator[tuple[str, Fields]]:
    if isinstance(record, list) and depth <= MAX_DEPTH:
        for one in record:
            yield from _recognise(one, depth + 1)
    if not isinstance(record, Record):
        return
    for shape, recognise in _SHAPES:
        values = recognise(record)
        if values is not None:
            yield shape, values
            return
    if depth < MAX_DEPTH:
        for one in record.values():
            yield from _recognise(one, depth + 1)


def _part(record: Record, *names: str) -> Record | None:
    return next((record[n] for n in names if isinstance(record.get(n), Record)), None)


def _nango(record: Record) -> Fields | None:
    """Nango's export. Its ``extension`` is the end of an address, where ``ca`` is Canada."""
    credentials, config = _part(record, "credentials"), _part(record, "connection_config")
    if credentials is None or config is None:
        return None
    raw = _part(credentials, "raw") or Record()
    client = _part(credentials, "config_override") or Record()
    place = read_fields(config)
    values = {**read_fields(raw), **place, **read_fields(client), **read_fields(credentials)}
    # What Zoho answered is surer than what was set up by hand.
    if isinstance(raw.get("api_domain"), str):
        values["api_domain"] = raw["api_domain"]
    name = record.get("connection_id")
    return {**values, "owner": name} if isinstance(name, str) else values


def _n8n(record: Record) -> Fields | None:
    """n8n's credential data; without ``--decrypted``, its ``data`` is a text."""
    data = _part(record, "data") or record
    answer = _part(data, "oauthTokenData")
    if answer is None:
        return None
    return {**read_fields(data), **read_fields(answer), "owner": record.get("name")}


def _n8n_encrypted(record: Record) -> Fields | None:
    kind = record.get("type")
    if isinstance(kind, str) and "zoho" in kind.lower() and isinstance(record.get("data"), str):
        return {"base_url": "zoho"}
    return None


def _pipeshub(record: Record) -> Fields | None:
    auth, credentials = _part(record, "auth"), _part(record, "credentials")
    if auth is None or credentials is None:
        return None
    values = {**read_fields(auth), **read_fields(credentials)}
    values.setdefault("data_center", values.get("base_url"))  # domain: "US"
    return values


def _airbyte(record: Record) -> Fields | None:
    """Airbyte's source-zoho-crm, alone or as the ``connectionConfiguration`` of a source."""
    return read_fields(record) if "dc_region" in record and "refresh_token" in record else None


def _singer(record: Record) -> Fields | None:
    names = {"refresh_token", "client_id", "client_secret", "start_date"}
    return {**read_fields(record), "base_url": "zoho"} if names <= record.keys() else None


def _zoho_cli_config(record: Record) -> Fields | None:
    auth = _part(record, "auth")
    return read_fields(auth) if auth is not None and "client_id" in auth else None


def _camel_case(record: Record) -> Fields | None:
    return read_fields(record) if record.keys() & {"accessToken", "refreshToken"} else None


def _token_file(record: Record) -> Fields | None:
    """A token file of a program's own, or Zoho's answer as it was."""
    return read_fields(record) if record.keys() & {"access_token", "refresh_token"} else None


def _client_file(record: Record) -> Fields | None:
    values = read_fields(record)
    return values if {"client_id", "client_secret"} <= values.keys() else None


_ENCRYPTED = "n8n credential, encrypted"

_SHAPES: tuple[tuple[str, Recogniser], ...] = (
    ("Nango export", _nango),
    ("n8n credential", _n8n),
    (_ENCRYPTED, _n8n_encrypted),
    ("PipesHub connector", _pipeshub),
    ("Airbyte configuration", _airbyte),
    ("Singer configuration", _singer),
    ("zoho-cli configuration", _zoho_cli_config),
    ("JSON in camelCase", _camel_case),
    ("JSON token file", _token_file),
    ("client file", _client_file),
)


def _key_of(source: str) -> str:
    """Return a name for the grant from its file's name: ``token_me@example.com.json``."""
    name = source.rpartition("/")[2].strip(".")
    name = re.sub(r"\.\w+$", "", name)
    address = re.fullmatch(r"tokens?_(.+@.+)", name)
    return address[1] if address else name


def _client_of(values: Fields, source: str, known: DataCenters) -> ClientFound | None:
    client_id, secret = text_of(values.get("client_id")), values.get("client_secret")
    if client_id is None or is_placeholder(client_id):
        return None
    return ClientFound(
        client_id=client_id,
        client_secret=Secret(secret) if isinstance(secret, str) else None,
        source=source,
        data_center=data_center_code(values, known),
    )
