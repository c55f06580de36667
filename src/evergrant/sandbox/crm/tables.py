"""Where an org's records are kept, and how new ones get their id.

All of it lives in `Org.records`: a table for each module, and the sandbox's own under names
that begin with ``$``, which no module's name does.
"""

from __future__ import annotations

from typing import Any

from evergrant.sandbox.crm.ids import Kind, make_id
from evergrant.sandbox.models import Org

__all__ = ["deleted", "new_id", "table"]

Table = dict[str, dict[str, Any]]


def table(org: Org, name: str) -> Table:
    """Return a module's records, or one of the sandbox's own tables, by id."""
    return org.records.setdefault(name, {})


def deleted(org: Org, module: str) -> Table:
    """Return what was deleted from a module."""
    return table(org, f"$deleted.{module}")


def new_id(org: Org) -> str:
    """Return the id of the org's next record."""
    counter = table(org, "$ids").setdefault("records", {"last": 0})
    counter["last"] += 1
    return make_id(org, Kind.RECORD, counter["last"])
