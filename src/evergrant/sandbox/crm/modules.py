"""The modules of a sandbox org."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from evergrant.sandbox.crm.fields import ACCOUNTS, CONTACTS, LEADS, RECORD_ID, Field

__all__ = ["MODULES", "Module", "full_name"]


@dataclass(frozen=True, slots=True)
class Module:
    """One module.

    Attributes:
        number: Its place in Zoho's list of modules; ids are made from it.
        duplicate_check: The field by which an upsert finds its record unless told otherwise
            (upsert-records.html: system-defined duplicate check fields).
        display: The field that names a record to people.
        related: The modules of its related lists.
        api_supported: Whether the API has records for it; Home is only a tab.
        custom: Whether it was added to what a fresh org has.
        kept: Whether it is undeclared: a record came, and the sandbox was not strict.
    """

    api_name: str
    singular: str
    number: int
    listed: tuple[Field, ...] = ()
    duplicate_check: str = "Email"
    display: str = "Full_Name"
    related: tuple[str, ...] = ()
    api_supported: bool = True
    custom: bool = False
    kept: bool = False
    by_name: dict[str, Field] = field(init=False)

    def __post_init__(self) -> None:
        named = {entry.api_name: entry for entry in (RECORD_ID, *self.listed)}
        object.__setattr__(self, "by_name", named)


MODULES = {
    module.api_name: module
    for module in (
        Module("Home", "Home", 1, api_supported=False),
        Module("Leads", "Lead", 2, LEADS),
        Module("Accounts", "Account", 3, ACCOUNTS, "Account_Name", "Account_Name", ("Contacts",)),
        Module("Contacts", "Contact", 4, CONTACTS),
    )
}


def full_name(record: dict[str, Any]) -> str:
    """Return first and last name as Zoho joins them in the read-only Full_Name."""
    return " ".join(part for part in (record.get("First_Name"), record.get("Last_Name")) if part)
