"""The addresses and parameters that Zoho documents, whether the sandbox serves them or not.

Names are those of https://github.com/zoho/crm-oas (v8.0) and, for the other services, of their
API pages. What is in no list here does not exist at Zoho, to our knowledge.
"""

from __future__ import annotations

import re

__all__ = ["PARAMETERS_OF_ZOHO", "served_by_zoho"]

PARAMETERS_OF_ZOHO = frozenset(
    [
        "approved",
        "approval_state",
        "child_data",
        "converted",
        "cross_filters",
        "cvid",
        "email_opt_out",
        "endDateTime",
        "feature_name",
        "fields",
        "filterId",
        "filters",
        "ids",
        "include",
        "include_child",
        "include_inner_details",
        "include_lite_users",
        "kanban_view",
        "layout_id",
        "module",
        "on_demand_properties",
        "page",
        "page_token",
        "per_page",
        "query_id",
        "role_id",
        "sort_by",
        "sort_order",
        "startDateTime",
        "status",
        "territory_id",
        "type",
        "type__s",
        "uid",
        "wf_trigger",
    ]
)
"""The query parameters that Zoho documents for the calls that the sandbox serves, even if the
sandbox ignores them. Zoho itself ignores every other parameter."""

_SERVICES = (
    "bigin|billing|bookings|books|catalyst|creator|expense|fsm|inventory|invoice|recruit"
    "|sheet|sign|subscriptions|workdrive|writer"
)
_SETTINGS = (
    "assignment_rules|audit_log_export|automation|blueprint|business_hours|cadences|call_preferences"
    "|currencies|custom_buttons|custom_links|custom_views|data_sharing|dedicated_ips|digest"
    "|dependency_mapping|duplicate_check_preference|email_configurations|email_drafts"
    "|email_signatures|features|field_attachments|find_and_merge|fiscal_year|fields|from_addresses"
    "|functions|global_picklists|holidays|inventory_templates|email_templates|layouts"
    "|layout_rules|map_dependency|mail_merge|modules|pipeline|portals|portal_invite|profiles"
    "|profile|permissions|record_locking_configurations|recycle_bin|related_lists|reports|roles"
    "|scoring_rules|security|services|shift_hours|sharing_rules|specific_business_hours"
    "|stages|tags|templates|territories|unblock_email|unsubscribe_links|user_groups"
    "|users_and_territories|users|validation_rules|variables|variable_groups|webforms|webhooks"
    "|webtabs|wizards|workflow_configurations|workflow_rules|zia"
)
_TOP = (
    "__apis|__features|__internal|__schedule_territories|actions|activities|appointments|automation"
    "|backup|bulk|cadences|composite_requests|composite_request|contact_roles|conversations"
    "|coql|emails|features|files|graphql|org|photo|portals|read|reports|services|timeline"
    "|users|voc|write"
)
_ABOUT_A_MODULE = (
    "actions(?:/.+)?|bulk(?:/.+)?|count|deleted|photo|timeline|search|upsert|duplicate"
    "|__timeline|__emails|insights|territories"
)

_ELSEWHERE = [
    re.compile(pattern)
    for pattern in (
        rf"/(?:{_SERVICES})(?:/.*)?",
        r"/crm/(?:bulk|graphql)(?:/.*)?",
        r"/crm/v(?:2\.1|[2-8])/(?:read|write)(?:/.*)?",
        rf"/crm/v(?:2\.1|[2-8])/settings/(?:{_SETTINGS})(?:/.*)?",
        rf"/crm/v(?:2\.1|[2-8])/(?:{_TOP})(?:/.*)?",
        rf"/crm/v(?:2\.1|[2-8])/[A-Za-z]\w*/(?:{_ABOUT_A_MODULE})",
        r"/crm/v(?:2\.1|[2-8])/[A-Za-z]\w*/\d+/[A-Za-z_]\w*(?:/.+)?",
    )
]


def served_by_zoho(path: str) -> bool:
    """Return True if Zoho serves an address, to some method."""
    return any(pattern.fullmatch(path) for pattern in _ELSEWHERE)
