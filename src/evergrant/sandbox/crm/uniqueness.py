"""Which record has a value already: for upserts and for fields that allow no duplicates."""

from __future__ import annotations

from typing import Any

from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.errors import CrmError
from evergrant.sandbox.crm.modules import Module

__all__ = ["Uniqueness"]

Record = dict[str, Any]


class Uniqueness:
    """An index of one module's records, made for one write and field by field as needed.

    Args:
        rows: The module's records by id.
    """

    def __init__(self, context: CrmContext, module: Module, rows: dict[str, Record]) -> None:
        marked = context.settings.unique_fields
        self.unique = [
            name
            for name, field in module.by_name.items()
            if field.unique or f"{module.api_name}.{name}" in marked
        ]
        self._system = module.duplicate_check
        self._rows = rows
        self._by_value: dict[str, dict[str, Record]] = {}

    def duplicate_check_fields(self, asked: Any) -> list[str]:
        """Return the fields that an upsert goes by, in order, as upsert-records.html tells.

        Those named come first, then the unique fields; named none, the module's own check
        (such as Email) comes first.

        Raises:
            CrmError: A name is neither the module's own check nor a unique field.
        """
        if not asked:
            asked = [self._system]
        if not isinstance(asked, list):
            details = {"expected_data_type": "jsonarray", "api_name": "duplicate_check_fields"}
            raise CrmError(400, "INVALID_DATA", "invalid data", details, in_data=True)
        supported = list(dict.fromkeys((self._system, *self.unique)))
        for place, name in enumerate(asked):
            if name not in supported:
                wrong: Record = {
                    "api_name": "duplicate_check_fields",
                    "json_path": f"$.duplicate_check_fields[{place}]",
                    "supported_values": supported,
                }
                raise CrmError(400, "INVALID_DATA", "invalid data", wrong, in_data=True)
        return list(dict.fromkeys((*asked, *self.unique)))

    def find(self, entry: Record, checks: list[str]) -> tuple[str | None, Record | None]:
        """Return the first field by which a record is already there, and that record."""
        for name in checks:
            row = self._holders(name).get(_key(entry.get(name)))
            if row is not None:
                return name, row
        return None, None

    def clashes(self, values: Record, row: Record | None) -> list[tuple[str, Record]]:
        """Return the unique fields whose value another record than ``row`` has."""
        found = ((name, self._holders(name).get(_key(values.get(name)))) for name in self.unique)
        return [(name, other) for name, other in found if other is not None and other is not row]

    def _holders(self, name: str) -> dict[str, Record]:
        if name not in self._by_value:
            keyed = ((_key(row.get(name)), row) for row in reversed(self._rows.values()))
            self._by_value[name] = {key: row for key, row in keyed if key}
        return self._by_value[name]

    def forget(self, row: Record) -> None:
        """Take a record out, before it changes."""
        for name, holders in self._by_value.items():
            if holders.get(key := _key(row.get(name))) is row:
                del holders[key]

    def learn(self, row: Record) -> None:
        """Take a record in."""
        for name, holders in self._by_value.items():
            if key := _key(row.get(name)):
                holders.setdefault(key, row)


def _key(value: Any) -> str:
    return "" if value is None or isinstance(value, dict) else str(value).casefold()
