"""``celery --app celery_worker.tasks worker``: see docs/frameworks.md.

Each process of a worker has a keeper of its own, made when it is first needed: after the fork.
They share the store, and with it one refresh for all.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import httpx2
from celery import Celery

from evergrant import Accounts, Keeper, open_store
from evergrant.errors import AccountsUnavailable, StoreUnavailable, Throttled

app = Celery(
    broker=os.environ.get("BROKER", "redis://localhost"), backend=os.environ.get("BACKEND")
)


@cache
def keeper() -> Keeper:
    """Return the keeper of this process."""
    accounts = Accounts(os.environ["ZOHO_CLIENT_ID"], os.environ["ZOHO_CLIENT_SECRET"])
    return Keeper(open_store(os.environ["EVERGRANT_STORE"]), accounts)


@app.task(autoretry_for=(AccountsUnavailable, StoreUnavailable, Throttled), retry_backoff=True)
def count_leads(user: str) -> int:
    """Return how many leads a user has (the first page of them)."""
    domain = keeper().find(user).api_domain
    with httpx2.Client(auth=keeper().auth(user)) as client:
        answer = client.get(f"{domain}/crm/v8/Leads", params={"fields": "Last_Name"})
    found: dict[str, Any] = answer.json() if answer.content else {}
    return len(found.get("data", ()))
