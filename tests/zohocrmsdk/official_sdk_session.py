"""Zoho's own Python SDK at work, told what to do by JSON lines on stdin, answering on stdout.

Runs in the virtual environment that has the package zohocrmsdk8_0, in a working directory of its
own: the SDK leaves files there. Nothing here knows evergrant.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api import coql as coql_api
from zohocrmsdk.src.com.zoho.crm.api import modules as modules_api
from zohocrmsdk.src.com.zoho.crm.api import record as record_api
from zohocrmsdk.src.com.zoho.crm.api import users as users_api
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.record import Record, RecordOperations
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

Values = dict[str, Any]

real_time = time.time
ahead = 0.0


def start(url: str, grant_code: str | None = None, **client: str) -> str:
    """Initialise the SDK with its own FileStore, and log in with a grant code if there is one."""
    environment = DataCenter.Environment(url, f"{url}/oauth/v2/token", url)
    token = OAuthToken(grant_token=grant_code, **client)
    Initializer.initialize(
        environment, token, store=FileStore(str(Path("tokens.csv").resolve())), resource_path="."
    )
    found = users_api.UsersOperations().get_users(
        _params(users_api.GetUsersParam.type, "CurrentUser")
    )
    return str(found.get_object().get_users()[0].get_email())


def pass_time(seconds: float) -> None:
    """Let this process's wall clock be ahead, as the server's is: the SDK goes by it."""
    global ahead  # noqa: PLW0603 - one clock, one process
    ahead += seconds
    time.time = lambda: real_time() + ahead


def create(module: str, **values: Any) -> Any:
    """Insert one record."""
    return _written(RecordOperations(module).create_records(_body(values)))


def update(module: str, record_id: str, **values: Any) -> Any:
    """Update one record."""
    return _written(RecordOperations(module).update_record(int(record_id), _body(values)))


def upsert(module: str, **values: Any) -> Any:
    """Upsert one record."""
    return _written(RecordOperations(module).upsert_records(_body(values)))


def delete(module: str, record_id: str) -> Any:
    """Delete one record."""
    return _written(RecordOperations(module).delete_record(int(record_id)))


def read(module: str, record_id: str) -> Any:
    """Read one record."""
    return _read(RecordOperations(module).get_record(int(record_id)))


def records(module: str, fields: str) -> Any:
    """List a module."""
    asked = _params(record_api.GetRecordsParam.fields, fields)
    return _read(RecordOperations(module).get_records(asked))


def deleted(module: str) -> Any:
    """List what was deleted."""
    answer = RecordOperations(module).get_deleted_records()
    return [[str(entry.get_id()), entry.get_type()] for entry in answer.get_object().get_data()]


def search(module: str, criteria: str) -> Any:
    """Search by criteria."""
    asked = _params(record_api.SearchRecordsParam.criteria, criteria)
    return _read(RecordOperations(module).search_records(asked))


def coql(query: str) -> Any:
    """Run a query."""
    body = coql_api.BodyWrapper()
    body.set_select_query(query)
    answer = coql_api.CoqlOperations().get_records(body)
    return _read(answer)


def modules() -> Any:
    """List the modules, then ask what changed since now."""
    operations = modules_api.ModulesOperations()
    answer = operations.get_modules()
    later = HeaderMap()
    later.add(modules_api.GetModulesHeader.if_modified_since, datetime.now().astimezone())
    again = operations.get_modules(None, later)
    names = [module.get_api_name() for module in answer.get_object().get_modules()]
    return [names, again.get_status_code()]


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


def _plain(value: Any) -> Any:
    if isinstance(value, Choice):
        return value.get_value()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Record):
        return value.get_key_values()
    return {"id": str(value.get_id()), "name": value.get_name()}


STEPS = {
    step.__name__: step
    for step in (
        start,
        pass_time,
        create,
        update,
        upsert,
        delete,
        read,
        records,
        deleted,
        search,
        coql,
        modules,
    )
}


def main() -> None:
    """Do what stdin asks, line by line."""
    for line in sys.stdin:
        name, arguments = json.loads(line)
        answer = STEPS[name](**arguments)
        sys.stdout.write(json.dumps(answer, default=_plain) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
