"""Which modules and fields an org has: those of a fresh one, and what a test declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from evergrant.sandbox.crm.fields import Field, kept_by_zoho
from evergrant.sandbox.crm.modules import MODULES, Module

__all__ = ["DATA_TYPES", "Declared", "Schema"]

_LENGTHS = {
    "text": 255,
    "textarea": 32_000,
    "email": 100,
    "phone": 30,
    "website": 450,
    "picklist": 120,
    "boolean": 5,
    "integer": 9,
    "bigint": 18,
    "double": 16,
    "currency": 16,
    "percent": 5,
    "date": 20,
    "datetime": 120,
    "lookup": 120,
    "ownerlookup": 120,
}

DATA_TYPES = tuple(_LENGTHS)
"""The types that a declared field can have."""

Declared = str | Mapping[str, Any] | Field
"""A field's type, or what `Schema.field` takes, or the field itself."""

_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}", re.ASCII)
_FIRST_OWN_NUMBER = 101


class Schema:
    """The modules of the sandbox's orgs, by API name; the same in every org.

    Not safe to share between threads: the sandbox locks around it.
    """

    def __init__(self) -> None:
        self._modules = dict(MODULES)

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def get(self, name: str | None) -> Module | None:
        """Return a module, whether or not the API has records for it."""
        return self._modules.get(name or "")

    def with_records(self, name: str | None) -> Module | None:
        """Return a module that the API has records for."""
        module = self.get(name)
        return module if module is not None and module.api_supported else None

    def add_module(
        self,
        api_name: str,
        fields: Mapping[str, Declared] | Iterable[str | Field] = (),
        *,
        singular: str | None = None,
        kept: bool = False,
    ) -> Module:
        """Declare a module, with a mandatory ``Name``; of one that is there, more fields.

        Args:
            fields: By API name; names alone are text fields.
            kept: It is undeclared: nothing in it is mandatory.

        Raises:
            ValueError: A name, a type or a lookup is none.
        """
        if api_name not in self._modules:
            own = sum(module.custom for module in self)
            self._modules[api_name] = Module(
                _named(api_name),
                singular or api_name.removesuffix("s"),
                _FIRST_OWN_NUMBER + own,
                (Field("Name", "Name", "text", 120, mandatory=not kept), *kept_by_zoho()),
                "Name",
                "Name",
                custom=True,
                kept=kept,
            )
        for name, declared in _by_name(fields).items():
            self.declare(api_name, name, declared)
        return self._modules[api_name]

    def add_field(
        self,
        module: str,
        api_name: str,
        data_type: str = "text",
        *,
        label: str | None = None,
        length: int | None = None,
        mandatory: bool = False,
        unique: bool = False,
        read_only: bool = False,
        picks: Iterable[str] = (),
        lookup: str | None = None,
    ) -> Field:
        """Declare a field of a module; one of the same name is replaced.

        Raises:
            ValueError: There is no such module or type, or a lookup points nowhere.
        """
        if data_type not in _LENGTHS:
            known = ", ".join(DATA_TYPES)
            raise ValueError(f"data type {data_type!r} is not in the sandbox; it has {known}")
        if (data_type == "lookup") != (lookup is not None):
            raise ValueError(
                f"{api_name}: a lookup, and nothing else, names the module it points to"
            )
        if lookup is not None and self.with_records(lookup) is None and lookup != module:
            raise ValueError(f"{api_name}: there is no module {lookup!r} to point to")
        return self._put(
            module,
            Field(
                _named(api_name),
                label or api_name.replace("_", " "),
                data_type,
                length or _LENGTHS[data_type],
                mandatory,
                read_only,
                lookup,
                tuple(picks),
                unique=unique,
                custom=True,
            ),
        )

    def keep_field(self, module: str, api_name: str, value: Any) -> Field:
        """Add an undeclared field, by the first value that came for it.

        Raises:
            ValueError: The name is none.
        """
        kinds = {bool: "boolean", int: "double", float: "double", dict: "jsonobject"}
        kinds |= {list: "jsonarray"}
        kind, label = kinds.get(type(value), "text"), api_name.replace("_", " ")
        field = Field(_named(api_name), label, kind, 32_000, custom=True, kept=True)
        return self._put(module, field)

    def declare(self, module: str, name: str, declared: Declared) -> Field:
        """Declare a field in one of the ways there are.

        Raises:
            ValueError: As `add_field`, or it is declared with something else.
        """
        if isinstance(declared, Field):
            return self._put(module, declared)
        given = {"data_type": declared} if isinstance(declared, str) else dict(declared)
        try:
            return self.add_field(module, name, **given)
        except TypeError:
            known = "data_type, label, length, mandatory, unique, read_only, picks, lookup"
            raise ValueError(f"{module}.{name}: a field is declared with {known}") from None

    def _put(self, module: str, field: Field) -> Field:
        old = self.with_records(module)
        if old is None:
            raise ValueError(f"there is no module {module!r}; declare it with add_module")
        listed = [field if other.api_name == field.api_name else other for other in old.listed]
        if field not in listed:
            listed.append(field)
        self._modules[module] = replace(old, listed=tuple(listed))
        return field


def _by_name(fields: Mapping[str, Declared] | Iterable[str | Field]) -> Mapping[str, Declared]:
    if isinstance(fields, Mapping):
        return fields
    return {
        f.api_name if isinstance(f, Field) else f: "text" if isinstance(f, str) else f
        for f in fields
    }


def _named(api_name: str) -> str:
    if not _API_NAME.fullmatch(api_name):
        raise ValueError(f"{api_name!r} is no API name: a letter, then letters, digits and _")
    return api_name
