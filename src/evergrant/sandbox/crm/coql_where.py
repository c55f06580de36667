"""The WHERE clause of COQL."""

from __future__ import annotations

from evergrant.sandbox.crm.conditions import COMPARED, Condition, condition, literal
from evergrant.sandbox.crm.context import CrmSettings
from evergrant.sandbox.crm.coql_lexer import Reader, Word
from evergrant.sandbox.crm.errors import CrmError
from evergrant.sandbox.crm.fields import Field
from evergrant.sandbox.crm.modules import Module

__all__ = ["column", "parse_where"]

_SIGNS = dict(zip(("=", "!=", ">", ">=", "<", "<="), COMPARED, strict=True))
_NULL = ("is_null", "is_not_null")
_CHOSEN = ("equals", "not_equal", "in", "not_in", *_NULL)
_TEXT = (*_CHOSEN, "like", "not_like")
_ORDERED = (*COMPARED, "between", "not_between", "in", "not_in", *_NULL)
_OPERATORS = {
    "boolean": ("equals",),
    "lookup": _CHOSEN,
    "ownerlookup": _CHOSEN,
    "picklist": _TEXT,
    "text": _TEXT,
    "email": _TEXT,
    "phone": _TEXT,
    "website": _TEXT,
}
"""What each type supports; every other one is ordered (COQL-Overview.html)."""


def parse_where(settings: CrmSettings, module: Module, reader: Reader) -> Condition:
    """Read the conditions up to the next clause.

    Zoho wants more than two of them grouped in pairs: ``((A and B) and C)``
    (https://help.zoho.com/portal/en/community/topic/kaizen-171-faqs-on-coql-api).

    Raises:
        CrmError: They are malformed, too many, or do not fit their column.
    """
    return _Where(settings, module, reader).pair(0)


def column(module: Module, word: Word) -> Field:
    """Return the column that a word names.

    Raises:
        CrmError: INVALID_QUERY.
    """
    field = module.by_name.get(word.text)
    if field is None:
        name = f"{module.api_name}.{word.text}"
        joined = f"COQL: joins ({name})"
        missing = joined if "." in word.text else f"field {name} (declare it: add_field)"
        details = {"column_name": word.text}
        raise CrmError(400, "INVALID_QUERY", "unsupported column", details, missing=missing)
    return field


class _Where:
    def __init__(self, settings: CrmSettings, module: Module, reader: Reader) -> None:
        self._settings = settings
        self._module = module
        self._reader = reader
        self._count = 0

    def pair(self, depth: int) -> Condition:
        left = self._operand(depth)
        joint = self._joint()
        if joint is None:
            return left
        right, third = self._operand(depth), self._reader.peek()
        if self._joint() is not None:
            message = "error occured while parsing the query"
            details = {"near": third.text if third else ""}
            raise CrmError(400, "SYNTAX_ERROR", message, details)
        if joint == "and":
            return lambda row: left(row) and right(row)
        return lambda row: left(row) or right(row)

    def _joint(self) -> str | None:
        return next((word for word in ("and", "or") if self._reader.skip(word)), None)

    def _operand(self, depth: int) -> Condition:
        if not self._reader.skip("("):
            return self._comparison()
        if depth > 2 * self._settings.coql_criteria:
            message = "Parsing is happening for so long for the given query"
            raise CrmError(400, "SYNTAX_ERROR", message)
        inner = self.pair(depth + 1)
        self._reader.expect(")")
        return inner

    def _comparison(self) -> Condition:
        self._count += 1
        _within(self._count, self._settings.coql_criteria)
        if self._reader.skip("not"):
            message = "operator not supported"
            raise CrmError(400, "SYNTAX_ERROR", message, {"operator": "not"})
        field = column(self._module, self._reader.take())
        sign, operator = self._operator()
        operands = self._operands(operator)
        if field.data_type == "textarea":
            details = {"cv_criteria": False, "column_name": field.api_name, "operator": sign}
            details |= {"value": ",".join(operands)}
            raise CrmError(400, "INVALID_QUERY", "unsupported column in criteria", details)
        if operator not in _OPERATORS.get(field.data_type, _ORDERED):
            details = {"reason": "invalid operator found", "column_name": field.api_name}
            details |= {"operator": sign}
            raise CrmError(400, "INVALID_QUERY", "Invalid query formed", details)
        try:
            values = [literal(field, operand) for operand in operands]
        except (ValueError, KeyError):
            details = {"reason": "invalid value found", "column_name": field.api_name}
            details |= {"operator": sign, "value": ",".join(operands)}
            raise CrmError(400, "INVALID_QUERY", "Invalid query formed", details) from None
        return condition(field, operator, values)

    def _operator(self) -> tuple[str, str]:
        for words in (("is", "null"), ("is", "not", "null")):
            if self._reader.skip(*words):
                return " ".join(words), "_".join(words)
        negated = self._reader.skip("not")
        for word in ("like", "in", "between"):
            if self._reader.skip(word):
                return (f"not {word}", f"not_{word}") if negated else (word, word)
        sign = self._reader.take()
        if negated or sign.text not in _SIGNS or sign.quoted:
            self._reader.refuse(sign)
        return sign.text, _SIGNS[sign.text]

    def _operands(self, operator: str) -> list[str]:
        reader = self._reader
        if operator in _NULL:
            return []
        if operator in ("in", "not_in"):
            reader.expect("(")
            if (word := reader.peek()) is not None and word.says("select"):
                message, missing = "given coql query not supported", "COQL: subqueries"
                raise CrmError(400, "SYNTAX_ERROR", message, missing=missing)
            listed = [word.text for word in reader.names()]
            reader.expect(")")
            _within(len(listed), self._settings.coql_in_values)
            return listed
        first = reader.take().text
        if operator not in ("between", "not_between"):
            return [first]
        reader.expect("and")
        return [first, reader.take().text]


def _within(count: int, limit: int) -> None:
    if count > limit:
        raise CrmError(400, "LIMIT_EXCEEDED", "limit exceeded", {"limit": limit})
