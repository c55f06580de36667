"""Calls the sandbox's CRM directly, without HTTP and without logging in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from evergrant.sandbox.crm import handle
from evergrant.sandbox.crm.context import CrmContext, CrmSettings
from evergrant.sandbox.crm.schema import Schema
from evergrant.sandbox.messages import Request
from evergrant.sandbox.models import Org, User

ALL_SCOPES = (
    "ZohoCRM.modules.ALL",
    "ZohoCRM.settings.ALL",
    "ZohoCRM.users.READ",
    "ZohoCRM.org.READ",
    "ZohoCRM.coql.READ",
    "ZohoSearch.securesearch.READ",
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def missing(self) -> str | None:
        """What the sandbox says it does not have."""
        return self.headers.get("X-Sandbox-Missing")

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.json["data"]]

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.json["data"]]


@dataclass
class Desk:
    """One user at work in one org; ``settings``, ``scopes`` and ``now`` may be changed."""

    settings: CrmSettings = field(default_factory=CrmSettings)
    scopes: tuple[str, ...] = ALL_SCOPES
    now: datetime = datetime(2026, 3, 1, 9, tzinfo=UTC)
    strict: bool = True

    def __post_init__(self) -> None:
        self.org = Org("60000000001", "Zylker")
        self.alice = User("alice@example.com", "700000001", "Alice", "Adams", [self.org])
        self.bob = User("bob@example.com", "700000002", "Bob", "Brown", [self.org])
        self.org.members += [self.alice, self.bob]
        self.user = self.alice
        self.schema = Schema()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        /,
        **params: Any,
    ) -> Answer:
        """Call ``/crm/v8/{path}``; ``body`` goes out as JSON, bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        base = path if path.startswith("/") else f"/crm/v8/{path}"
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        request = Request(method, base, urlencode(params), lower, raw)
        context = CrmContext(
            self.user, self.org, self.scopes, self.now, self.settings, self.schema, self.strict
        )
        response = handle(context, request)
        return Answer(response.status, response.headers, response.body)

    def get(self, path: str, headers: Mapping[str, str] | None = None, /, **params: Any) -> Answer:
        return self.call("GET", path, None, headers, **params)

    def add(self, *records: Mapping[str, Any], module: str = "Leads") -> list[str]:
        """Insert records, and return their ids."""
        ids = []
        for start in range(0, len(records), 100):
            given = {"Last_Name": "Doe"} if module in ("Leads", "Contacts") else {}
            body = {"data": [{**given, **record} for record in records[start : start + 100]]}
            answer = self.call("POST", module, body)
            assert answer.status == 201, answer.raw
            ids += [result["details"]["id"] for result in answer.json["data"]]
        return ids

    def add_many(self, count: int) -> list[str]:
        """Insert leads called ``L0``, ``L1``, …"""
        return self.add(*({"Last_Name": f"L{number}"} for number in range(count)))

    def insert(self, *records: Mapping[str, Any], module: str = "Leads") -> Answer:
        return self.call("POST", module, {"data": list(records)})

    def update(self, *leads: Mapping[str, Any], **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("PUT", "Leads", {"data": list(leads)}, named)

    def lead(self, record_id: str) -> dict[str, Any]:
        """Read a lead whole."""
        (record,) = self.get(f"Leads/{record_id}").json["data"]
        return dict(record)

    def search(self, criteria: str, **params: Any) -> Answer:
        return self.get("Leads/search", criteria=criteria, **params)

    def coql(self, query: str, **more: Any) -> Answer:
        return self.call("POST", "coql", {"select_query": query, **more})

    def pass_time(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def problem(code: str, message: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a refused call."""
    return {"code": code, "details": dict(details), "message": message, "status": "error"}
