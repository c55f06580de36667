"""What programs say of Zoho in their environment: the names that people already have.

The names, and how often each was found, over 41 public programs: ZOHO_CLIENT_ID and
ZOHO_CLIENT_SECRET 33, ZOHO_REFRESH_TOKEN 30, ZOHO_REDIRECT_URI 11, ZOHO_ACCOUNTS_URL 9,
ZOHO_API_DOMAIN and ZOHO_ORG_ID 6, ZOHO_DC, ZOHO_REGION, ZOHO_TOKEN_URL and
ZOHO_ORGANIZATION_ID 3.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from evergrant._masking import masks_locals
from evergrant._text import without_line_end
from evergrant.datacenter import ZOHO, DataCenters, is_local
from evergrant.errors import ConfigError
from evergrant.token import Secret

__all__ = ["ZohoEnvironment", "read_zoho_environment"]

_DATA_CENTER = (
    "ZOHO_DC",
    "ZOHO_DATA_CENTER",
    "ZOHO_REGION",
    "ZOHO_ACCOUNTS_URL",
    "ZOHO_ACCOUNTS_HOST",
    "ZOHO_TOKEN_URL",
    "ZOHO_API_DOMAIN",
)
_ORG = ("ZOHO_ORG_ID", "ZOHO_ORGANIZATION_ID")
_REDIRECT = ("ZOHO_REDIRECT_URL", "ZOHO_REDIRECT_URI")


@dataclass(frozen=True, slots=True)
class ZohoEnvironment:
    """The settings in variables whose names begin with ``ZOHO_``; None: not set.

    Attributes:
        data_center: The code of the one that the variables name.
        org: The org that requests are for, of a service that takes one.
    """

    client_id: str | None = None
    client_secret: Secret | None = field(default=None, repr=False)
    refresh_token: Secret | None = field(default=None, repr=False)
    data_center: str | None = None
    redirect_url: str | None = None
    org: str | None = None

    @property
    def has_grant(self) -> bool:
        """Whether a refresh token is there."""
        return self.refresh_token is not None


@masks_locals
def read_zoho_environment(
    variables: Mapping[str, str] | None = None,
    known: DataCenters = ZOHO,
    *,
    in_part: bool = False,
) -> ZohoEnvironment:
    """Read the variables; a line end and one pair of quotes around a value are removed.

    Args:
        variables: In place of this process's environment.
        known: The data centers that may be named.
        in_part: Whether a client or a grant may be there by half: others may have the rest.

    Raises:
        ConfigError: Two variables contradict each other, one names no data center, or a client
            or a grant is there by half.
    """
    values = os.environ if variables is None else variables
    given = {name: _unquoted(value) for name, value in values.items() if name.startswith("ZOHO_")}
    given = {name: value for name, value in given.items() if value}
    secret, refresh = given.get("ZOHO_CLIENT_SECRET"), given.get("ZOHO_REFRESH_TOKEN")
    found = ZohoEnvironment(
        client_id=given.get("ZOHO_CLIENT_ID"),
        client_secret=Secret(secret) if secret else None,
        refresh_token=Secret(refresh) if refresh else None,
        data_center=_data_center(
            given, known, sandboxed=bool(values.get("EVERGRANT_SANDBOX", "").strip())
        ),
        redirect_url=_one_of(given, _REDIRECT),
        org=_one_of(given, _ORG),
    )
    if not in_part:
        _require_whole(found)
    return found


def _unquoted(value: str) -> Secret:
    text = without_line_end(value).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return Secret(text)


def _one_of(given: Mapping[str, Secret], names: Iterable[str]) -> str | None:
    found = {name: given[name].reveal() for name in names if name in given}
    if len(set(found.values())) > 1:
        raise ConfigError(
            f"{' and '.join(found)} contradict each other", hint="Set one of them, or the same."
        )
    return next(iter(found.values()), None)


def _data_center(given: Mapping[str, Secret], known: DataCenters, *, sandboxed: bool) -> str | None:
    codes: dict[str, str] = {}
    for name in _DATA_CENTER:
        if name not in given or (sandboxed and is_local(given[name].reveal())):
            continue  # the address of the sandbox, which a program calls itself
        try:
            codes[name] = known.by_name(given[name].reveal()).code
        except ConfigError:
            # Not the value: a secret may be in its place.
            raise ConfigError(
                f"{name} names no data center of Zoho",
                hint=f"Set it to one of: {', '.join(known.codes)}; or unset it.",
            ) from None
    if len(set(codes.values())) > 1:
        said = " and ".join(f"{name} ({code})" for name, code in codes.items())
        raise ConfigError(f"{said} contradict each other", hint="Unset the one that is wrong.")
    return next(iter(codes.values()), None)


def _require_whole(found: ZohoEnvironment) -> None:
    parts = {
        "ZOHO_CLIENT_ID": found.client_id,
        "ZOHO_CLIENT_SECRET": found.client_secret,
        "ZOHO_REFRESH_TOKEN": found.refresh_token,
    }
    needed = list(parts) if found.refresh_token else list(parts)[:2]
    missing = [name for name in needed if not parts[name]]
    there = [name for name in needed if parts[name]]
    if missing and there:
        raise ConfigError(
            f"{' and '.join(there)} is set, and {' and '.join(missing)} is not"
            if len(there) == 1
            else f"{' and '.join(there)} are set, and {' and '.join(missing)} is not",
            hint=f"Set {' and '.join(missing)} too: all three belong to one client.",
        )
