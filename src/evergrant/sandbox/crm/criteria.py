r"""The criteria of a search: ``((Company:equals:Zylker)and(Last_Name:starts_with:M))``.

Parentheses, commas and backslashes in a value are escaped by a backslash
(https://www.zoho.com/crm/developer/docs/api/v8/search-records.html).
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from evergrant.sandbox.crm.conditions import COMPARED, Condition, condition, literal
from evergrant.sandbox.crm.context import CrmSettings
from evergrant.sandbox.crm.errors import CrmError
from evergrant.sandbox.crm.fields import Field
from evergrant.sandbox.crm.modules import Module

__all__ = ["parse_criteria"]

_TEXT = ("equals", "not_equal", "starts_with", "in")
_CHOSEN = ("equals", "not_equal", "in")
_ORDERED = (*COMPARED, "between", "in")
_OPERATORS = {
    "boolean": ("equals", "not_equal"),
    "picklist": _CHOSEN,
    "lookup": _CHOSEN,
    "ownerlookup": _CHOSEN,
    "textarea": ("equals", "not_equal", "starts_with"),
    "text": _TEXT,
    "email": _TEXT,
    "phone": _TEXT,
    "website": _TEXT,
}
"""What each type supports; every other one is ordered."""

_CONTAINING = ("text", "textarea", "email", "phone", "website")
"""Types of which ``equals`` means "contains"."""

_TOKEN = re.compile(r"\s*(?:(\()|(\))|(and|or)\b)\s*", re.IGNORECASE)
_BODY = re.compile(r"(?:[^()\\]|\\.)*", re.DOTALL)


def parse_criteria(settings: CrmSettings, module: Module, text: str) -> Condition:
    """Return the condition that the criteria state; ``and`` binds closer than ``or``.

    Raises:
        CrmError: They are malformed, too many, or do not fit their field.
    """
    return _Criteria(settings, module, text).whole()


class _Criteria:
    """One text being read from left to right."""

    def __init__(self, settings: CrmSettings, module: Module, text: str) -> None:
        self._settings = settings
        self._module = module
        self._text = text
        self._at = 0
        self._count = 0

    def whole(self) -> Condition:
        if not self._text.lstrip().startswith("("):
            return self._one(self._text)
        # Every condition may stand in brackets of its own: more of them is no honest search.
        if self._text.count("(") > 4 * self._settings.search_criteria:
            self._refuse(reason="too many brackets")
        parsed = self._either()
        if self._at < len(self._text):
            self._refuse(reason="unbalanced brackets")
        return parsed

    def _either(self) -> Condition:
        options = [self._both()]
        while self._take("or"):
            options.append(self._both())
        return lambda row: any(option(row) for option in options)

    def _both(self) -> Condition:
        parts = [self._bracket()]
        while self._take("and"):
            parts.append(self._bracket())
        return lambda row: all(part(row) for part in parts)

    def _bracket(self) -> Condition:
        if not self._take("("):
            self._refuse(reason="a bracket is missing")
        if self._next() == "(":
            inner = self._either()
        else:
            body = _BODY.match(self._text, self._at)
            end = body.end() if body else self._at
            inner = self._one(self._text[self._at : end])
            self._at = end
        if not self._take(")"):
            self._refuse(reason="unbalanced brackets")
        return inner

    def _next(self) -> str | None:
        found = _TOKEN.match(self._text, self._at)
        return found.group(0).strip().casefold() if found else None

    def _take(self, token: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.group(0).strip().casefold() != token:
            return False
        self._at = found.end()
        return True

    def _one(self, text: str) -> Condition:
        self._count += 1
        limit = self._settings.search_criteria
        if self._count > limit:
            message = f"no of criterium that can be given exceed the limit {limit}"
            raise CrmError(400, "CRITERIA_LIMIT_EXCEEDED", message)
        name, _, rest = text.partition(":")
        operator, found, value = rest.partition(":")
        if not found:
            self._refuse(reason="criteria are field:operator:value")
        field = self._module.by_name.get(name.strip())
        if field is None:
            missing = f"field {self._module.api_name}.{name.strip()} (declare it: add_field)"
            reason = "the field is not available for search"
            self._refuse(missing, reason=reason, api_name=name.strip())
        return self._applied(field, operator.strip(), value)

    def _applied(self, field: Field, operator: str, value: str) -> Condition:
        if operator not in _OPERATORS.get(field.data_type, _ORDERED):
            self._refuse(reason="invalid operator found", operator=operator)
        many = operator in ("in", "between")
        texts = _split(value) if many else [_plain(value)]
        most = self._settings.search_in_values
        if operator == "in" and len(texts) > most:
            message = f'Only {most} values are allowed in "IN" criteria'
            raise CrmError(400, "INVALID_QUERY", message, {"param_name": field.api_name})
        if operator == "between" and len(texts) != 2:  # noqa: PLR2004 - a range has two ends
            self._refuse(reason="between needs two values", operator=operator)
        try:
            values = [literal(field, text) for text in texts]
        except (ValueError, KeyError):
            self._refuse(reason="invalid data type found", expected_data_type=field.data_type)
        if operator == "equals" and field.data_type in _CONTAINING:
            operator = "contains"
        return condition(field, operator, values)

    def _refuse(self, missing: str = "", **details: Any) -> NoReturn:
        raise CrmError(400, "INVALID_QUERY", "Invalid query formed", details, missing=missing)


def _split(value: str) -> list[str]:
    return [_plain(part) for part in re.findall(r"(?:[^,\\]|\\.)+", value, flags=re.DOTALL)]


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
