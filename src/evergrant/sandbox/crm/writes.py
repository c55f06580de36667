"""POST and PUT of records: insert, update, upsert."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evergrant.sandbox.crm.crm_call import CrmCall
from evergrant.sandbox.crm.errors import CrmError, problem
from evergrant.sandbox.crm.fields import Field
from evergrant.sandbox.crm.if_modified_since import header_time
from evergrant.sandbox.crm.metadata import module_id
from evergrant.sandbox.crm.modules import Module, full_name
from evergrant.sandbox.crm.reads import Record, changed
from evergrant.sandbox.crm.tables import new_id, table
from evergrant.sandbox.crm.times import stamp
from evergrant.sandbox.crm.uniqueness import Uniqueness
from evergrant.sandbox.crm.users import reference
from evergrant.sandbox.crm.values import BadValueError, accept
from evergrant.sandbox.messages import Response, json_response

__all__ = ["insert", "outcome", "update", "update_one", "upsert"]

Result = dict[str, Any]

_STEERING = ("$append_values", "$gclid", "$se_module", "$sell_item")
"""Keys of a record that tell Zoho what to do with it; what the sandbox does not do."""

_RECORDS_PER_CREDIT = 10
"""One credit pays for that many records of a write (api-limits.html)."""


def insert(call: CrmCall, module: Module) -> Response:
    """POST /{module}."""
    work = _Work.begin(call, module)
    return outcome((work.create(entry, i) for i, entry in work.entries()), 201)


def update(call: CrmCall, module: Module) -> Response:
    """PUT /{module}: each record says its id."""
    work = _Work.begin(call, module)
    return outcome((_update(work, entry, i) for i, entry in work.entries()), 200)


def update_one(call: CrmCall, module: Module, record_id: str) -> Response:
    """PUT /{module}/{id}: the first record of ``data``; an id inside it is not looked at."""
    work = _Work.begin(call, module)
    row = work.rows.get(record_id)
    if row is None:
        details = {"resource_path_index": 1}
        return outcome([_unknown(details)], 200)
    return outcome([work.change(row, entry, i) for i, entry in work.entries() if i == 0], 200)


def upsert(call: CrmCall, module: Module) -> Response:
    """POST /{module}/upsert: update what the duplicate check finds, insert the rest."""
    work = _Work.begin(call, module)
    checks = work.unique.duplicate_check_fields(call.body.get("duplicate_check_fields"))
    return outcome((_upsert(work, checks, entry, i) for i, entry in work.entries()), 200)


def outcome(results: Iterable[Result], success: int) -> Response:
    """Answer the results of a write: all went well, some did (207), or none."""
    listed = list(results)
    failures = [result["code"] for result in listed if result["status"] == "error"]
    status = 207 if failures else success
    if len(failures) == len(listed):
        status = 412 if set(failures) == {"ALREADY_MODIFIED"} else 400
    return json_response({"data": listed}, status)


def _update(work: _Work, entry: Record, place: int) -> Result:
    named = entry.get("id")
    at = {"api_name": "id", "json_path": f"$.data[{place}].id"}
    if named is None:
        return problem("MANDATORY_NOT_FOUND", "required field not found", at)
    row = work.rows.get(str(named))
    return _unknown(at) if row is None else work.change(row, entry, place)


def _upsert(work: _Work, checks: list[str], entry: Record, place: int) -> Result:
    if entry.get("id") is not None:
        field, row = None, work.rows.get(str(entry["id"]))
        if row is None:
            return _unknown({"api_name": "id", "json_path": f"$.data[{place}].id"})
    else:
        field, row = work.unique.find(entry, checks)
    result = work.create(entry, place) if row is None else work.change(row, entry, place)
    if result["status"] == "error":
        return result
    return result | {"duplicate_field": field, "action": "insert" if row is None else "update"}


def _unknown(details: dict[str, Any]) -> Result:
    return problem("INVALID_DATA", "the id given seems to be invalid", details)


@dataclass(frozen=True, slots=True)
class _Work:
    """One write under way in one module."""

    call: CrmCall
    module: Module
    rows: dict[str, Record]
    unique: Uniqueness
    unmodified_since: datetime | None

    @classmethod
    def begin(cls, call: CrmCall, module: Module) -> _Work:
        rows = table(call.context.org, module.api_name)
        unique = Uniqueness(call.context, module, rows)
        return cls(call, module, rows, unique, header_time(call, "If-Unmodified-Since"))

    def entries(self) -> Iterable[tuple[int, Record]]:
        """Yield the records of the body, with their places.

        Raises:
            CrmError: There are none, or too many.
        """
        data, most = self.call.body.get("data"), self.call.context.settings.max_write
        if data is None or data == []:
            details = {"api_name": "data", "json_path": "$.data"}
            message = "required field not found"
            raise CrmError(400, "MANDATORY_NOT_FOUND", message, details, in_data=True)
        if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
            details = {"expected_data_type": "jsonarray", "api_name": "data"}
            raise CrmError(400, "INVALID_DATA", "invalid data", details, in_data=True)
        if len(data) > most:
            limit = {"maximum_length": most, "api_name": "data"}
            message = "count of records in your request exceeds the limit"
            raise CrmError(400, "LIMIT_EXCEEDED", message, limit, in_data=True)
        self.call.cost = -(-len(data) // _RECORDS_PER_CREDIT)
        return enumerate(data)

    def create(self, entry: Record, place: int) -> Result:
        """Add a record; its owner is the caller unless it names one."""
        context = self.call.context
        values, errors = self._checked(entry, place, None)
        if errors:
            return _refused(errors)
        now, me = stamp(context.now), reference(context.org, context.user, email=True)
        flags = [f.api_name for f in self.fields if f.data_type == "boolean"]
        row: Record = dict.fromkeys(f.api_name for f in self.fields)
        row |= dict.fromkeys(flags, False)
        row |= {"id": new_id(context.org), "Owner": me, "Created_By": me, "Created_Time": now}
        self.rows[row["id"]] = row
        return self._store(row, values, "record added")

    def change(self, row: Record, entry: Record, place: int) -> Result:
        """Change a record, unless it changed since If-Unmodified-Since."""
        since = self.unmodified_since
        if since is not None and changed(row) > since:
            message = "record updated time has already passed if-unmodified-since time"
            return problem("ALREADY_MODIFIED", message, _history(row))
        values, errors = self._checked(entry, place, row)
        return _refused(errors) if errors else self._store(row, values, "record updated")

    def _store(self, row: Record, values: Record, message: str) -> Result:
        context = self.call.context
        self.unique.forget(row)
        row |= values
        row["Modified_By"] = reference(context.org, context.user, email=True)
        row["Modified_Time"] = stamp(context.now)
        if "Full_Name" in self.module.by_name:
            row["Full_Name"] = full_name(row)
        self.unique.learn(row)
        details = _history(row) | {"$approval_state": "approved"}
        return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}

    def _checked(
        self, entry: Record, place: int, row: Record | None
    ) -> tuple[Record, list[Result]]:
        """Return the values to keep, and what is wrong; read-only fields are passed over."""
        errors = self._unknown_fields(entry, place)
        values: Record = {}
        for field in self.fields:
            name = field.api_name
            at = {"api_name": name, "json_path": f"$.data[{place}].{name}"}
            value = entry.get(name)
            if field.mandatory and value in (None, "") and (row is None or name in entry):
                errors.append(problem("MANDATORY_NOT_FOUND", "required field not found", at))
            elif name in entry and not field.read_only:
                try:
                    empty = value is None or value == ""
                    values[name] = value if empty else accept(self.call.context, field, value)
                except BadValueError as bad:
                    errors.append(problem("INVALID_DATA", "invalid data", bad.details | at))
        if values.get("Owner", "") is None:
            del values["Owner"]
        return values, errors + self._duplicates(values, place, row)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The module's fields, with those that this write made it keep."""
        return self.call.context.schema[self.module.api_name].listed

    def _unknown_fields(self, entry: Record, place: int) -> list[Result]:
        """Refuse undeclared fields, or keep them as they come."""
        module, schema, errors = self.module.api_name, self.call.context.schema, []
        known = schema[module].by_name
        for name, value in entry.items():
            # What Zoho adds to a record ($editable) comes back with it, and Zoho passes it over.
            adds = name.startswith("$") and name not in _STEERING
            if adds or (name in known and not known[name].kept):
                continue
            self.call.missing.append(f"field {module}.{name} (declare it: add_field)")
            try:
                if self.call.context.strict:
                    raise ValueError(name)  # noqa: TRY301 - refused as a name that is none
                if name not in known and name not in _STEERING:
                    schema.keep_field(module, name, value)
            except ValueError:
                at = {"api_name": name, "json_path": f"$.data[{place}].{name}"}
                errors.append(problem("INVALID_DATA", "the field is not in the sandbox", at))
        return errors

    def _duplicates(self, values: Record, place: int, row: Record | None) -> list[Result]:
        org = self.call.context.org
        return [
            problem(
                "DUPLICATE_DATA",
                "duplicate data",
                {
                    "api_name": name,
                    "json_path": f"$.data[{place}].{name}",
                    "id": other["id"],
                    "more_records": False,
                    "duplicate_record": {
                        "id": other["id"],
                        "Owner": _short(other.get("Owner")),
                        "module": {
                            "api_name": self.module.api_name,
                            "id": module_id(org, self.module),
                        },
                    },
                },
            )
            for name, other in self.unique.clashes(values, row)
        ]


def _refused(errors: list[Result]) -> Result:
    if len(errors) == 1:
        return errors[0]
    message = "Multiple errors in the request"
    return problem("MULTIPLE_OR_MULTI_ERRORS", message, {"errors": errors})


def _history(row: Record) -> dict[str, Any]:
    return {
        "Modified_Time": row.get("Modified_Time"),
        "Modified_By": _short(row.get("Modified_By")),
        "Created_Time": row.get("Created_Time"),
        "id": row["id"],
        "Created_By": _short(row.get("Created_By")),
    }


def _short(person: dict[str, str] | None) -> dict[str, str] | None:
    return person and {key: person[key] for key in ("name", "id")}
