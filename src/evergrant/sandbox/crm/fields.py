"""The fields of the sandbox's modules, as a fresh org has them (system names, no custom ones).

Names, types and lengths follow Zoho's field metadata (settings/fields) for these modules:
https://www.zoho.com/crm/developer/docs/api/v8/field-meta.html.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACCOUNTS", "CONTACTS", "LEADS", "RECORD_ID", "Field", "kept_by_zoho"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a module.

    Attributes:
        data_type: Zoho's name of the type, such as ``text`` or ``ownerlookup``.
        length: How many characters (of a number: digits) fit.
        lookup: The module that a lookup points to.
        picks: The values that a picklist offers; the API takes others too.
        unique: Whether no two records may have the same value.
        custom: Whether it was added to what a fresh org has.
        kept: Whether it is undeclared: a value came, and the sandbox was not strict.
    """

    api_name: str
    label: str
    data_type: str
    length: int = 255
    mandatory: bool = False
    read_only: bool = False
    lookup: str | None = None
    picks: tuple[str, ...] = ()
    unique: bool = False
    custom: bool = False
    kept: bool = False


RECORD_ID = Field("id", "Record Id", "bigint", 20, read_only=True)
"""Every record has one; the field metadata does not list it."""

_SOURCES = ("-None-", "Advertisement", "Cold Call", "Employee Referral", "Web Download")
_STATUSES = ("-None-", "Attempted to Contact", "Contacted", "Not Contacted", "Pre-Qualified")
_INDUSTRIES = ("-None-", "ASP", "Data/Telecom OEM", "ERP", "Small/Medium Enterprise")
_RATINGS = ("-None-", "Acquired", "Active", "Market Failed", "Project Cancelled")
_SALUTATIONS = ("-None-", "Mr.", "Mrs.", "Ms.", "Dr.", "Prof.")
_ACCOUNT_TYPES = ("-None-", "Analyst", "Competitor", "Customer", "Partner", "Vendor")


def _text(label: str, length: int = 255, kind: str = "text", *, mandatory: bool = False) -> Field:
    return Field(_api_name(label), label, kind, length, mandatory=mandatory)


def _pick(label: str, picks: tuple[str, ...]) -> Field:
    return Field(_api_name(label), label, "picklist", 120, picks=picks)


def _number(label: str, kind: str, length: int) -> Field:
    return Field(_api_name(label), label, kind, length)


def _api_name(label: str) -> str:
    return label.replace(" ", "_")


def kept_by_zoho(owner: str = "Owner") -> tuple[Field, ...]:
    """Return the fields that Zoho keeps in every module."""
    return (
        Field("Owner", owner, "ownerlookup", 120),
        Field("Created_By", "Created By", "ownerlookup", 120, read_only=True),
        Field("Modified_By", "Modified By", "ownerlookup", 120, read_only=True),
        Field("Created_Time", "Created Time", "datetime", 120, read_only=True),
        Field("Modified_Time", "Modified Time", "datetime", 120, read_only=True),
    )


def _person() -> tuple[Field, ...]:
    return (
        _pick("Salutation", _SALUTATIONS),
        _text("First Name", 40),
        _text("Last Name", 80, mandatory=True),
        Field("Full_Name", "Full Name", "text", 120, read_only=True),
        _text("Email", 100, "email"),
        _text("Secondary Email", 100, "email"),
        _text("Phone", 30, "phone"),
        _text("Mobile", 30, "phone"),
        _text("Fax", 30),
        _pick("Lead Source", _SOURCES),
        Field("Email_Opt_Out", "Email Opt Out", "boolean", 5),
        _text("Skype ID", 50),
        _text("Description", 32_000, "textarea"),
    )


def _address(prefix: str, code: str) -> tuple[Field, ...]:
    parts = (("Street", 250), ("City", 100), ("State", 100), (code, 30), ("Country", 100))
    return tuple(_text(f"{prefix}{name}", length) for name, length in parts)


LEADS = (
    *kept_by_zoho("Lead Owner"),
    *_person(),
    _text("Company", 200),
    _text("Designation", 100),
    _text("Website", 255, "website"),
    _pick("Lead Status", _STATUSES),
    _pick("Industry", _INDUSTRIES),
    _pick("Rating", _RATINGS),
    Field("No_of_Employees", "No. of Employees", "integer", 9),
    _number("Annual Revenue", "currency", 16),
    *_address("", "Zip Code"),
)

CONTACTS = (
    *kept_by_zoho("Contact Owner"),
    *_person(),
    Field("Account_Name", "Account Name", "lookup", 200, lookup="Accounts"),
    Field("Reporting_To", "Reporting To", "lookup", 200, lookup="Contacts"),
    _text("Title", 100),
    _text("Department", 50),
    _text("Home Phone", 30, "phone"),
    _text("Other Phone", 30, "phone"),
    _text("Assistant", 50),
    _number("Date of Birth", "date", 20),
    *_address("Mailing ", "Zip"),
    *_address("Other ", "Zip"),
)

ACCOUNTS = (
    *kept_by_zoho("Account Owner"),
    _text("Account Name", 200, mandatory=True),
    Field("Parent_Account", "Parent Account", "lookup", 200, lookup="Accounts"),
    _text("Account Number", 40),
    _pick("Account Type", _ACCOUNT_TYPES),
    _pick("Industry", _INDUSTRIES),
    _number("Annual Revenue", "currency", 16),
    _number("Employees", "integer", 9),
    _text("Phone", 30, "phone"),
    _text("Fax", 30),
    _text("Website", 255, "website"),
    _text("Description", 32_000, "textarea"),
    *_address("Billing ", "Code"),
    *_address("Shipping ", "Code"),
)
