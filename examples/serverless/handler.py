"""An AWS Lambda function, or one like it: see docs/frameworks.md.

What is made here lives as long as the process, which serves many calls. Nothing runs between two
calls, and nothing needs to: the next one refreshes what is due.
"""

from __future__ import annotations

import os
from typing import Any

import httpx2

from evergrant import Accounts, Keeper, open_store

accounts = Accounts(os.environ["ZOHO_CLIENT_ID"], os.environ["ZOHO_CLIENT_SECRET"])
keeper = Keeper(open_store(os.environ["EVERGRANT_STORE"]), accounts)


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return how many leads the user of an event has (the first page of them)."""
    user = event["user"]
    domain = keeper.find(user).api_domain
    with httpx2.Client(auth=keeper.auth(user)) as client:
        answer = client.get(f"{domain}/crm/v8/Leads", params={"fields": "Last_Name"})
    return {"leads": len(answer.json().get("data", ())) if answer.content else 0}
