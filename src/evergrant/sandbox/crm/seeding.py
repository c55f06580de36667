"""Records that are there from the beginning, without a call that adds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from evergrant.sandbox.crm.context import CrmContext, CrmSettings
from evergrant.sandbox.crm.routing import handle
from evergrant.sandbox.crm.schema import Schema
from evergrant.sandbox.messages import Request
from evergrant.sandbox.models import Org

__all__ = ["add_records", "declare_missing"]

_TYPES = {bool: "boolean", int: "double", float: "double"}
"""Types of fields that are declared by the first value; else they are text."""


def add_records(
    orgs: Iterable[Org],
    module: str,
    records: list[Mapping[str, Any]],
    *,
    schema: Schema,
    now: datetime,
) -> None:
    """Insert records into orgs as their first member; unknown modules and fields are declared.

    Raises:
        ValueError: The CRM would refuse one of them, or a name cannot be.
    """
    declare_missing(schema, module, records)
    settings = replace(CrmSettings(), max_write=max(len(records), 1), credits_per_day=10**9)
    body = json.dumps({"data": records}).encode()
    for org in orgs:
        if not org.members or not records:
            continue
        context = CrmContext(
            user=org.members[0],
            org=org,
            scopes=("ZohoCRM.modules.ALL",),
            now=now,
            settings=settings,
            schema=schema,
        )
        answer = handle(context, Request("POST", f"/crm/v8/{module}", body=body))
        if answer.status != 201:  # noqa: PLR2004 - all of them were added
            _refuse(module, json.loads(answer.body))


def declare_missing(schema: Schema, module: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Declare a module and the fields that records of it have, where they are not declared.

    Raises:
        ValueError: A name cannot be.
    """
    if schema.get(module) is None:
        schema.add_module(module)
    for record in records:
        for name, value in record.items():
            if name == "id" or name.startswith("$") or name in schema[module].by_name:
                continue
            if isinstance(value, dict | list):
                schema.keep_field(module, name, value)
            else:
                schema.declare(module, name, {"data_type": _TYPES.get(type(value), "text")})


def _refuse(module: str, answer: Any) -> None:
    results = answer.get("data", [answer])
    for place, result in enumerate(results):
        if result.get("status") == "error":
            details = result.get("details", {})
            field = details.get("api_name", "")
            where = f"{module}[{place}]" + (f".{field}" if field else "")
            raise ValueError(f"{where}: {result['code']}, {result['message']}")
