"""Calls to the CRM through Zoho's SDK: steps of a session."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api import modules as modules_api
from zohocrmsdk.src.com.zoho.crm.api import record as record_api
from zohocrmsdk.src.com.zoho.crm.api.record import Record, RecordOperations
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

Values = dict[str, Any]


class Records:
    """What a session can do with records; answers are plain values."""

    def create(self, module: str, **values: Any) -> Any:
        """Insert one record."""
        return _written(RecordOperations(module).create_records(_body(values)))

    def update(self, module: str, record_id: str, **values: Any) -> Any:
        """Update one record."""
        return _written(RecordOperations(module).update_record(int(record_id), _body(values)))

    def upsert(self, module: str, **values: Any) -> Any:
        """Upsert one record."""
        return _written(RecordOperations(module).upsert_records(_body(values)))

    def delete(self, module: str, record_id: str) -> Any:
        """Delete one record."""
        return _written(RecordOperations(module).delete_record(int(record_id)))

    def read(self, module: str, record_id: str) -> Any:
        """Read one record."""
        return _read(RecordOperations(module).get_record(int(record_id)))

    def records(self, module: str, fields: str) -> Any:
        """List a module."""
        asked = _params(record_api.GetRecordsParam.fields, fields)
        return _read(RecordOperations(module).get_records(asked))

    def deleted(self, module: str) -> Any:
        """List what was deleted."""
        answer = RecordOperations(module).get_deleted_records()
        return [[str(entry.get_id()), entry.get_type()] for entry in answer.get_object().get_data()]

    def search(self, module: str, criteria: str) -> Any:
        """Search by criteria."""
        asked = _params(record_api.SearchRecordsParam.criteria, criteria)
        return _read(RecordOperations(module).search_records(asked))

    def coql(self, query: str) -> Any:
        """Run a query; not with 5.0, which calls them otherwise."""
        from zohocrmsdk.src.com.zoho.crm.api import coql as coql_api

        body = coql_api.BodyWrapper()
        body.set_select_query(query)
        answer = coql_api.CoqlOperations().get_records(body)
        return _read(answer)

    def modules(self) -> Any:
        """List the modules, then ask what changed since now."""
        operations = modules_api.ModulesOperations()
        answer = operations.get_modules()
        later = HeaderMap()
        later.add(modules_api.GetModulesHeader.if_modified_since, datetime.now().astimezone())
        again = operations.get_modules(None, later)
        names = [module.get_api_name() for module in answer.get_object().get_modules()]
        return [names, again.get_status_code()]

    @staticmethod
    def plain(value: Any) -> Any:
        """Return what JSON does not know in a form that it does."""
        if isinstance(value, Choice):
            return value.get_value()
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Record):
            return value.get_key_values()
        return {"id": str(value.get_id()), "name": value.get_name()}


def _params(param: Any, value: object) -> Any:
    asked = ParameterMap()
    asked.add(param, value)
    return asked


def _body(values: Values) -> Any:
    record = Record()
    for name, value in values.items():
        if isinstance(value, dict):  # {"choice": …}, or {"id": …} for a lookup
            record.add_key_value(name, _special(value))
        else:
            record.add_key_value(name, value)
    body = record_api.BodyWrapper()
    body.set_data([record])
    return body


def _special(value: Values) -> Any:
    if "choice" in value:
        return Choice(value["choice"])
    pointed = Record()
    pointed.set_id(int(value["id"]))
    return pointed


def _written(answer: Any) -> Any:
    found = answer.get_object()
    if not hasattr(found, "get_data"):
        return [answer.get_status_code(), found.get_code().get_value()]
    (result,) = found.get_data()
    details = result.get_details()
    return {
        "status": answer.get_status_code(),
        "code": result.get_code().get_value(),
        "id": str(details.get("id")),
        "field": details.get("api_name"),
    }


def _read(answer: Any) -> Any:
    if answer.get_status_code() in (204, 304):
        return answer.get_status_code()
    found = answer.get_object()
    if not hasattr(found, "get_data"):
        return [answer.get_status_code(), found.get_code().get_value()]
    return [record.get_key_values() for record in found.get_data()]
