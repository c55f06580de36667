"""POST /coql: a basic ``select`` on one module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evergrant.sandbox.crm.conditions import Condition, own
from evergrant.sandbox.crm.coql_lexer import Reader, Word
from evergrant.sandbox.crm.coql_where import column, parse_where
from evergrant.sandbox.crm.crm_call import CrmCall
from evergrant.sandbox.crm.errors import CrmError
from evergrant.sandbox.crm.fields import RECORD_ID, Field
from evergrant.sandbox.crm.metadata import describe_field
from evergrant.sandbox.crm.modules import Module
from evergrant.sandbox.crm.reads import Record
from evergrant.sandbox.crm.scopes import require
from evergrant.sandbox.crm.tables import table
from evergrant.sandbox.messages import Response, json_response

__all__ = ["coql"]

_DEAREST = ((1_000, 3), (200, 2))
"""More rows than the first number cost the second in credits, else one (COQL-Overview.html)."""


@dataclass(frozen=True, slots=True)
class _Query:
    module: Module
    columns: list[Field]
    where: Condition
    order: list[tuple[Field, bool]]
    offset: int
    limit: int


def coql(call: CrmCall) -> Response:
    """Answer the rows that a query selects; each has its id, asked for or not."""
    described = _include_meta(call)
    text = call.body.get("select_query")
    if not isinstance(text, str):
        details = {"api_name": "select_query"}
        raise CrmError(400, "MANDATORY_NOT_FOUND", "mandatory key not found", details)
    query = _parse(call, Reader(text))
    call.cost = next((cost for rows, cost in _DEAREST if query.limit > rows), 1)
    rows = table(call.context.org, query.module.api_name).values()
    found = [row for row in rows if query.where(row)]
    for field, descending in reversed(query.order):
        found.sort(key=_sort_key(field), reverse=descending)
    end = query.offset + query.limit
    shown = found[query.offset : end]
    if not shown:
        return Response(204)
    answer: dict[str, Any] = {"data": [_picked(row, query.columns) for row in shown]}
    if described:
        listed = [field for field in query.columns if field is not RECORD_ID]
        answer["fields"] = {
            field.api_name: describe_field(call.context, query.module, field) for field in listed
        }
    info = {"count": len(shown), "more_records": len(found) > end}
    return json_response(answer | {"info": info})


def _sort_key(field: Field) -> Callable[[Record], tuple[Any, ...]]:
    # Empty ones sort below all others; a bare None could not be compared.
    return lambda row: () if (value := own(field, row)) is None else (value,)


def _picked(row: Record, columns: list[Field]) -> Record:
    picked = {field.api_name: row.get(field.api_name) for field in columns}
    return picked | {"id": row["id"]}


def _include_meta(call: CrmCall) -> bool:
    asked = call.body.get("include_meta")
    at: dict[str, Any] = {"api_name": "include_meta"}
    if asked is None:
        return False
    if not isinstance(asked, list):
        at |= {"expected_data_type": "jsonarray", "json_path": "$.include_meta"}
        raise CrmError(400, "INVALID_DATA", "invalid data", at)
    for place, name in enumerate(asked):
        if name != "fields":
            at |= {"json_path": f"$.include_meta[{place}]", "supported_values": ["fields"]}
            raise CrmError(400, "INVALID_DATA", "invalid data", at)
    return bool(asked)


def _parse(call: CrmCall, reader: Reader) -> _Query:
    settings = call.context.settings
    if not reader.skip("select"):
        raise CrmError(400, "SYNTAX_ERROR", "given coql query not supported")
    names = reader.names()
    _clause(reader, "from")
    name = reader.take().text
    module = call.context.schema.with_records(name)
    if module is None:
        message = "the given module is not supported in api"
        missing = f"module {name} (declare it: add_module)"
        raise CrmError(400, "INVALID_MODULE", message, missing=missing)
    require(call.context.scopes, f"ZohoCRM.modules.{module.api_name}.READ")
    _clause(reader, "where")
    columns = _distinct([column(module, name) for name in names], settings.coql_columns)
    where = parse_where(settings, module, reader)
    if reader.skip("group"):
        raise _not_here("COQL: group by")
    order = _order(reader, module, settings.coql_order_by)
    offset, limit = _range(call, reader)
    if not reader.ended:
        reader.refuse(reader.peek())
    return _Query(module, columns, where, order, offset, limit)


def _clause(reader: Reader, keyword: str) -> None:
    if reader.skip(keyword):
        return
    word = reader.peek()
    later = ("order", "limit", "offset", "where", "group")
    if word is None or (not word.quoted and word.text.casefold() in later):
        raise CrmError(400, "SYNTAX_ERROR", "missing clause", {"clause": keyword})
    if word.says("("):
        raise _not_here("COQL: functions")
    if word.says("as"):
        raise _not_here("COQL: aliases")
    if word.says("*"):
        raise CrmError(400, "SYNTAX_ERROR", "given coql query not supported")
    reader.refuse(word)


def _not_here(missing: str) -> CrmError:
    """Refuse what Zoho's COQL can do and this one cannot."""
    return CrmError(400, "SYNTAX_ERROR", "given coql query not supported", missing=missing)


def _distinct(fields: list[Field], limit: int) -> list[Field]:
    for place, field in enumerate(fields):
        if field in fields[:place]:
            details = {"column_name": field.api_name}
            raise CrmError(400, "DUPLICATE_DATA", "duplicate select column", details)
    if len(fields) > limit:
        raise CrmError(400, "LIMIT_EXCEEDED", "limit exceeded", {"limit": limit})
    return fields


def _order(reader: Reader, module: Module, limit: int) -> list[tuple[Field, bool]]:
    if not reader.skip("order", "by"):
        return [(RECORD_ID, False)]
    order = [_sorted_by(reader, module)]
    while reader.skip(","):
        order.append(_sorted_by(reader, module))
    _distinct([field for field, _ in order], limit)
    return order


def _sorted_by(reader: Reader, module: Module) -> tuple[Field, bool]:
    field, descending = column(module, reader.take()), reader.skip("desc")
    if not descending:
        reader.skip("asc")
    return field, descending


def _range(call: CrmCall, reader: Reader) -> tuple[int, int]:
    """Read ``limit n``, ``limit offset, n`` or ``limit n offset o``."""
    settings = call.context.settings
    offset, limit = 0, settings.coql_default_limit
    if reader.skip("limit"):
        limit = _number("limit", reader.take())
        if reader.skip(","):
            offset, limit = limit, _number("limit", reader.take())
    if reader.skip("offset"):
        offset = _number("offset", reader.take())
    if limit == 0:
        raise CrmError(400, "INVALID_DATA", "limit should be greater than 0")
    for asked, most in ((limit, settings.coql_rows), (offset + limit, settings.coql_reach)):
        if asked > most:
            raise CrmError(400, "LIMIT_EXCEEDED", "limit exceeded", {"limit": most})
    return offset, limit


def _number(name: str, word: Word) -> int:
    if word.quoted or not (word.text.isascii() and word.text.isdigit()):
        message = f"{name} given seems to be invalid"
        raise CrmError(400, "INVALID_QUERY", message, {name: word.text})
    return int(word.text)
