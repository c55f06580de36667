"""The context of one call to the sandbox's CRM: user, place, time and rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evergrant.sandbox.crm.schema import Schema
from evergrant.sandbox.models import Org, User

__all__ = ["CrmContext", "CrmSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmSettings:
    """The limits and habits of CRM v8, each of them a setting.

    Sources are pages below https://www.zoho.com/crm/developer/docs/api/v8/ unless in full.

    Attributes:
        max_page: Records on one page, and the default (get-records.html).
        untokened_rows: How far ``page`` reaches without a page_token (get-records.html).
        tokened_rows: How far a page_token reaches (get-records.html).
        page_token_life: How long a page_token works (get-records.html).
        max_fields: Field names in one ``fields`` parameter (get-records.html).
        max_write: Records in one insert, update, upsert or delete (insert-records.html).
        unique_fields: Fields with "Do not allow duplicate values", as ``Leads.Email``; a fresh
            org has none (upsert-records.html).
        recycle_bin_life: How long a deleted record can be had back (delete-records.html).
        search_rows: How far a search reaches (search-records.html).
        search_criteria: Conditions in one search (search-records.html).
        search_in_values: Values of one ``in`` (search-records.html).
        search_scope: What a search asks for besides the module; empty: nothing
            (search-records.html).
        index_lag: How long a search overlooks a changed record (search-records.html names no
            number).
        coql_rows: The largest LIMIT of one query (COQL-Limitations.html).
        coql_default_limit: The LIMIT of a query that names none (COQL-Overview.html).
        coql_reach: How far an offset reaches (COQL-Limitations.html).
        coql_columns: Columns in one query (COQL-Limitations.html; other pages say 50).
        coql_criteria: Conditions in one query (COQL-Limitations.html).
        coql_in_values: Values of one ``in`` (COQL-Limitations.html of v3 to v7).
        coql_order_by: Columns in ORDER BY (COQL-Limitations.html).
        credits_per_day: Credits of an org in 24 hours: the smallest paid edition's
            (https://www.zoho.com/crm/developer/docs/api/v4/api-limits.html).
        credits_header_from: The share of the credits from which on X-API-CREDITS-REMAINING is
            sent (api-limits.html).
        no_api_access: E-mails of users whose profile has no API access (status-codes.html).
        metadata_changed_at: When modules and fields were last changed, or None.
    """

    max_page: int = 200
    untokened_rows: int = 2_000
    tokened_rows: int = 100_000
    page_token_life: timedelta = timedelta(hours=24)
    max_fields: int = 50
    max_write: int = 100
    unique_fields: frozenset[str] = frozenset()
    recycle_bin_life: timedelta = timedelta(days=60)
    search_rows: int = 2_000
    search_criteria: int = 10
    search_in_values: int = 100
    search_scope: str = "ZohoSearch.securesearch.READ"
    index_lag: timedelta = timedelta(0)
    coql_rows: int = 2_000
    coql_default_limit: int = 200
    coql_reach: int = 100_000
    coql_columns: int = 500
    coql_criteria: int = 25
    coql_in_values: int = 50
    coql_order_by: int = 10
    credits_per_day: int = 50_000
    credits_header_from: float = 0.5
    no_api_access: frozenset[str] = frozenset()
    metadata_changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CrmContext:
    """One authenticated call.

    Attributes:
        user: Whose token it is.
        org: The org and environment that the token's grant belongs to.
        scopes: What was granted.
        now: The sandbox clock's moment (aware).
        schema: The modules and fields there are.
        strict: Refuse what Zoho has and the sandbox has not, instead of going on without.
    """

    user: User
    org: Org
    scopes: tuple[str, ...]
    now: datetime
    settings: CrmSettings = CrmSettings()
    schema: Schema = field(default_factory=Schema)
    strict: bool = True
