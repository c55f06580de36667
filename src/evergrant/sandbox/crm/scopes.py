"""What a grant's scopes allow."""

from __future__ import annotations

from collections.abc import Iterable

from evergrant.sandbox.crm.errors import CrmError

__all__ = ["covers", "require"]

_ALSO = {"ALL": {"CREATE", "READ", "UPDATE", "DELETE", "WRITE"}, "WRITE": {"CREATE", "UPDATE"}}
"""Operations that stand for others (scopes.html, upsert-records.html)."""


def covers(granted: str, needed: str) -> bool:
    """Return True if one scope allows what another one names.

    ``ZohoCRM.modules.ALL`` covers ``ZohoCRM.modules.Leads.READ``; letter case does not matter
    (https://www.zoho.com/crm/developer/docs/api/v8/scopes.html).
    """
    *have, operation = granted.upper().split(".")
    *need, wanted = needed.upper().split(".")
    if operation != wanted and wanted not in _ALSO.get(operation, ()):
        return False
    return len(have) > 1 and have == need[: len(have)]


def require(scopes: Iterable[str], *needed: str) -> None:
    """Refuse the call unless every needed scope is covered.

    Raises:
        CrmError: OAUTH_SCOPE_MISMATCH.
    """
    granted = tuple(scopes)
    if not all(any(covers(have, need) for have in granted) for need in needed):
        message = "invalid oauth scope to access this URL"
        raise CrmError(401, "OAUTH_SCOPE_MISMATCH", message)
