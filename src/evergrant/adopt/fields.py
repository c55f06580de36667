"""Reads a token's fields by the names that programs give them, whatever their spelling.

The names and their counts are of 41 public repositories that keep Zoho tokens themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from evergrant._scopes import read_scopes
from evergrant.clock import from_epoch_ms
from evergrant.datacenter import DataCenters, origin_of
from evergrant.errors import ConfigError, UntrustedServer
from evergrant.services import SERVICES
from evergrant.token import Secret, Token

__all__ = [
    "Fields",
    "data_center_code",
    "field_name",
    "is_placeholder",
    "looks_like_zoho",
    "owner_in",
    "read_expiry",
    "read_fields",
    "read_token",
    "service_in",
    "text_of",
]

Fields = Mapping[str, Any]
"""Values by the name of the field that `field_name` gives."""

EPOCH_MS_FROM = 10**11
"""Numbers of this size or more are milliseconds since 1970: in seconds, it is the year 5138."""

EPOCH_S_FROM = 10**9
"""Smaller numbers are lifetimes, of which nothing says when they began."""

MAX_LIFETIME_S = 86_400
"""Zoho's access tokens live for an hour; a larger number is no lifetime."""

MAX_LENGTH = 4_000
"""Characters of a value; longer ones are no token and no name."""

ZOHO_CLIENT = re.compile(r"100[04]\.[A-Z0-9]{4,40}")
"""The form of Zoho's client ids; those of devices begin with 1004."""

ZOHO_TOKEN = re.compile(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}")
"""The form of Zoho's tokens: https://www.zoho.com/crm/developer/docs/api/v8/access-refresh.html"""

_NAMES = {
    "access_token": ("access_token",),
    "refresh_token": ("refresh_token",),
    "grant_token": ("grant_token",),
    "client_id": ("client_id",),
    "client_secret": ("client_secret",),
    "redirect_url": ("redirect_url", "redirect_uri"),
    "scopes": ("scopes", "scope"),
    "api_domain": ("api_domain",),
    "accounts_url": (
        "accounts_url", "accounts_server", "accounts_host", "accounts_domain", "accounts_base_url",
        "token_url", "access_token_url", "auth_url",
    ),
    "data_center": (
        "dc", "data_center", "datacenter", "region", "dc_region", "extension", "location",
    ),
    "base_url": ("base_url", "api_base_url", "domain"),
    "org_id": (
        "org_id", "organization_id", "organisation_id", "zgid", "desk_org_id", "portal_id",
    ),
    "user_name": ("user_name",),
    "owner": ("email", "user_email", "user_identifier", "user", "user_id", "name", "account"),
    "expires_at": (
        "expires_at", "expiry_time", "token_expiry", "access_token_expires_at", "expires_on",
        "expiry", "token_expires_at", "expiration", "expires",
    ),
    "expires_in": ("expires_in", "expires_in_sec"),
    "created_at": ("created_at", "issued_at", "fetched_at", "obtained_at", "timestamp"),
}  # fmt: skip

_FIELD_OF = {name: field for field, names in _NAMES.items() for name in (field, *names)}

_PLACEHOLDER = re.compile(
    r"your\b|your[-_ ]|<.*>|\$\{?\w|\{\{|x{5,}|\bx{3,}\b|\.\.\."
    r"|change[-_ ]?me|replace|todo\b|example",
    re.IGNORECASE,
)
"""Of x, more than chance puts into one of many client ids."""

_SCOPE_PREFIXES = tuple(
    service.scope_prefix.lower() for service in SERVICES.values() if service.scope_prefix
)


def field_name(name: str) -> str | None:
    """Return the field that a column, key or variable holds, or None: ``accessToken``, ``dc``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str.__str__(name))
    return _FIELD_OF.get(re.sub(r"[- ]", "_", words).lower().removeprefix("zoho_"))


def read_fields(record: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the values of a record by field; what is no field of a token is left out."""
    values: dict[str, Any] = {}
    for name, value in record.items():
        field = field_name(name) if isinstance(name, str) else None
        if field and value not in (None, ""):
            values.setdefault(field, value)
    return values


def read_expiry(value: object, now: datetime) -> datetime | None:
    """Return when an access token expires, or None where that is not sure.

    A number is seconds or milliseconds since 1970. Text is a time with its offset, such as
    ``2030-01-31T12:00:00+00:00``. A lifetime does not say when it began, and a time without an
    offset not in which time zone it is: both are unsure.
    """
    text = str.__str__(value).strip() if isinstance(value, str) else value
    if isinstance(text, bool) or text is None:
        return None
    try:
        number = float(text) if isinstance(text, str | int | float) else None
    except (ValueError, OverflowError):
        number = None
    if number is None:
        return _read_iso(text)
    if not EPOCH_S_FROM <= number < EPOCH_MS_FROM * 1_000:
        return None
    milliseconds = number if number >= EPOCH_MS_FROM else number * 1_000
    moment = from_epoch_ms(int(milliseconds))
    # Zoho's access tokens live for an hour: what claims a day more is another kind of number.
    return moment if moment < now + timedelta(days=1) else None


def _read_iso(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def is_placeholder(value: str) -> bool:
    """Return True if a value stands for one that a person should fill in."""
    return not value.strip() or bool(_PLACEHOLDER.search(str.__str__(value)))


def looks_like_zoho(values: Fields) -> bool:
    """Return True if the values themselves say that Zoho granted them."""
    tokens = (values.get("refresh_token"), values.get("access_token"))
    if any(isinstance(one, str) and ZOHO_TOKEN.fullmatch(str.__str__(one)) for one in tokens):
        return True
    client_id = values.get("client_id")
    if isinstance(client_id, str) and ZOHO_CLIENT.fullmatch(str.__str__(client_id)):
        return True
    urls = " ".join(
        str.__str__(values[name])
        for name in ("api_domain", "accounts_url", "base_url")
        if isinstance(values.get(name), str)
    )
    if "zoho" in urls.lower():
        return True
    scopes = " ".join(_texts(values.get("scopes"))).lower()
    return any(scopes.startswith(prefix) for prefix in _SCOPE_PREFIXES)


def service_in(text: str) -> str | None:
    """Return the service whose name stands in a file's or variable's name, or None."""
    words = re.split(r"[^a-z]+", text.lower())
    return next((name for name in SERVICES if name in words), None)


def data_center_code(values: Fields, known: DataCenters) -> str | None:
    """Return the code of the data center that the values name, or None.

    The API domain decides, then the accounts server: a region is what people write by hand.
    """
    for name in ("api_domain", "accounts_url", "base_url", "data_center"):
        value = values.get(name)
        if isinstance(value, str) and (code := _code_of(str.__str__(value).strip(), known)):
            return code
    return None


def _code_of(value: str, known: DataCenters) -> str | None:
    try:
        return known.by_name(value).code
    except ConfigError:
        return None


def read_token(values: Fields, known: DataCenters, now: datetime) -> Token | None:
    """Return the token that the values describe, or None if they hold no token at all."""
    access, refresh = _secret(values.get("access_token")), _secret(values.get("refresh_token"))
    grant = None if refresh else _secret(values.get("grant_token"))
    if not (access or refresh or grant):
        return None
    expires_at = _expiry(values, now) if access else None
    code = data_center_code(values, known)
    user = text_of(values.get("user_name"))
    return Token(
        user_name=user,
        client_id=text_of(values.get("client_id")),
        client_secret=_secret(values.get("client_secret")),
        refresh_token=refresh,
        # Of an unknown age, it counts as expired.
        access_token=access if expires_at or not refresh else None,
        grant_token=grant,
        expires_at=expires_at,
        redirect_url=text_of(values.get("redirect_url")),
        api_domain=_api_domain(values, code, known),
        scopes=_scopes(values.get("scopes")),
        org_id=_org(values),
    )


def owner_in(values: Fields) -> str | None:
    """Return the name that a place gives to the owner of a grant, or None."""
    value = values.get("owner")
    return str(value) if type(value) is int else text_of(value)


def _expiry(values: Fields, now: datetime) -> datetime | None:
    if "expires_at" in values:
        return read_expiry(values["expires_at"], now)
    lifetime, began = values.get("expires_in"), values.get("created_at")
    absolute = read_expiry(lifetime, now)  # as the official SDK names its expiry
    start = read_expiry(began, now) if began is not None else None
    if absolute or start is None or not isinstance(lifetime, int | float):
        return absolute
    return start + timedelta(seconds=lifetime) if 0 < lifetime <= MAX_LIFETIME_S else None


def _api_domain(values: Fields, code: str | None, known: DataCenters) -> str | None:
    named = text_of(values.get("api_domain"))
    if named:
        try:
            known.by_api_domain(named)
        except UntrustedServer:
            pass
        else:
            return origin_of(named)
    return known.by_code(code).api_url if code else None


def _org(values: Fields) -> str | None:
    value = values.get("org_id")
    text = str(value) if type(value) is int and value > 0 else text_of(value)
    return text if text and text.isdigit() else None


def text_of(value: object) -> str | None:
    """Return a value that may be shown, or None if it is no text, or a token."""
    if not isinstance(value, str):
        return None
    text = _bare(value)
    # A token in the place of a name, by mistake, would be shown.
    return None if text is None or ZOHO_TOKEN.search(text) else text


def _bare(value: str) -> str | None:
    text = str.__str__(value).strip()
    return text if text and text.isprintable() and len(text) <= MAX_LENGTH else None


def _secret(value: object) -> Secret | None:
    text = _bare(value) if isinstance(value, str) else None
    # A path or an address in a variable such as ZOHO_REFRESH_TOKEN_URL is no token.
    if text is None or re.search(r"[\s/:]", text) or is_placeholder(text):
        return None
    return Secret(text)


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [str.__str__(one) for one in values if isinstance(one, str)]


def _scopes(value: object) -> tuple[str, ...]:
    try:
        return read_scopes(_texts(value))
    except ConfigError:
        return ()
