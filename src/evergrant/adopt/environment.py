"""Environment files, the environment itself, and the environments of Compose files.

The names are those of 41 public repositories: ``ZOHO_REFRESH_TOKEN`` in 30 of them, and such as
``ZOHO_REFRESH_TOKEN_DESK``, ``ZOHO_WORKDRIVE_CLIENT_ID`` and ``WORKDRIVE_REFRESH_TOKEN``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import datetime

from evergrant.adopt.fields import (
    data_center_code,
    field_name,
    is_placeholder,
    looks_like_zoho,
    read_token,
    service_in,
    text_of,
)
from evergrant.adopt.found import ClientFound, Found
from evergrant.datacenter import DataCenters
from evergrant.errors import MissingExtra
from evergrant.services import SERVICES
from evergrant.token import Secret

__all__ = ["is_compose_file", "is_environment_file", "parse_compose", "parse_env", "read_variables"]

_SECRETS = ("REFRESH_TOKEN", "ACCESS_TOKEN", "CLIENT_SECRET", "CLIENT_ID")
"""What the names of one grant's variables share their rest around: ``ZOHO_{}_DESK``."""

_EXAMPLES = re.compile(r"example|sample|template|dist$|\.md$", re.IGNORECASE)
_COMPOSE_LINE = re.compile(r"""^\s*(?:-\s*)?["']?([A-Z][A-Z0-9_]*)["']?\s*[:=]\s*(.*?)\s*$""")


def is_environment_file(name: str) -> bool:
    """Return True for ``.env``, ``.env.production`` and ``zoho.env``, not for ``.env.example``."""
    looks = name == ".env" or name.startswith(".env.") or name.endswith(".env")
    return looks and not _EXAMPLES.search(name)


def is_compose_file(name: str) -> bool:
    """Return True for ``docker-compose.yml``, ``compose.override.yaml`` and their like."""
    return bool(re.fullmatch(r"(docker-)?compose[\w.-]*\.ya?ml", name))


def parse_env(text: str) -> dict[str, str]:
    """Return the variables of an environment file.

    Raises:
        MissingExtra: python-dotenv is not installed.
    """
    try:
        from dotenv import dotenv_values
    except ImportError:
        raise MissingExtra("reading environment files", extra="cli") from None
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: Secret(value) for name, value in values.items() if value}


def parse_compose(text: str) -> dict[str, str]:
    """Return the variables with a value in a Compose file, as a mapping or as a list."""
    found = filter(None, map(_COMPOSE_LINE.match, text.splitlines()))
    pairs = {line[1]: line[2].rstrip("'\"").lstrip("'\"") for line in found}
    return {name: Secret(value) for name, value in pairs.items() if value}


def read_variables(
    variables: Mapping[str, str], source: str, known: DataCenters, now: datetime
) -> tuple[list[Found], list[ClientFound]]:
    """Return the grants and the clients in variables.

    Args:
        variables: Names and values; what is not Zoho's is passed over.
        source: The file, or what stands for the environment.
    """
    usable = {name: v for name, v in variables.items() if not is_placeholder(v)}
    families = dict.fromkeys(_family(name) for name in usable)
    grants: list[Found] = []
    clients: list[ClientFound] = []
    for family in families:
        if family is None or not (_is_zoho(family) or _holds_zoho(usable, family)):
            continue
        values = _values(usable, family)
        token = read_token(values, known, now)
        where = data_center_code(values, known)
        if token and token.refresh_token:
            name = family.format("REFRESH_TOKEN")
            grants.append(
                Found(
                    token=token,
                    shape=_shape(source),
                    source=source,
                    data_center=where,
                    service=service_in(family.replace("{}", "")),
                    key=family.format("").replace("__", "_").strip("_").lower() or "zoho",
                    names=(name,),
                )
            )
        elif client_id := text_of(usable.get(family.format("CLIENT_ID"))):
            secret = usable.get(family.format("CLIENT_SECRET"))
            clients.append(
                ClientFound(
                    client_id=client_id,
                    client_secret=secret and Secret(secret),
                    source=source,
                    data_center=where,
                )
            )
    return grants, clients


def _family(name: str) -> str | None:
    """Return the name with ``{}`` where the field stands, or None if it names no secret."""
    upper = name.upper()
    for secret in _SECRETS:
        if secret in upper and "{" not in name:
            begin = upper.index(secret)
            return f"{name[:begin]}{{}}{name[begin + len(secret) :]}"
    return None


def _is_zoho(family: str) -> bool:
    words = re.split(r"[^a-z]+", family.lower())
    return "zoho" in family.lower() or any(word in SERVICES for word in words if word != "mail")


def _holds_zoho(usable: Mapping[str, str], family: str) -> bool:
    tokens = {
        secret.lower(): usable.get(family.format(secret))
        for secret in ("REFRESH_TOKEN", "ACCESS_TOKEN")
    }
    return looks_like_zoho(tokens)


def _values(usable: Mapping[str, str], family: str) -> dict[str, str]:
    """Return the values of one family by field; what it lacks, ``ZOHO_…`` may have."""
    values: dict[str, str] = {}
    prefix, _, suffix = family.partition("{}")
    for before, after in ((prefix, suffix), (prefix, ""), ("ZOHO_", "")):
        for name, value in usable.items():
            if not (name.startswith(before) and name.endswith(after)):
                continue
            middle = name[len(before) : len(name) - len(after)]
            field = field_name(middle)
            is_own = (before, after) == (prefix, suffix)
            # Another grant's tokens are not this one's.
            if field and (is_own or field not in ("refresh_token", "access_token")):
                values.setdefault(field, value)
    return values


def _shape(source: str) -> str:
    if source.endswith(".py"):
        return "source code"
    return "environment file" if "." in source else "environment"
