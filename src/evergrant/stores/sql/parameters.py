"""The parameters of a URL, in the types that the driver takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import URL

from evergrant._masking import raise_without_context
from evergrant.errors import ConfigError

__all__ = ["typed_parameters"]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ValueError("not a whole number, 0 or more")
    return int(text)


def _boolean(text: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "1": True}
    known |= {"false": False, "no": False, "off": False, "0": False}
    if text.lower() not in known:
        raise ValueError("neither true nor false")
    return known[text.lower()]


def _number_or_none(text: str) -> int | None:
    return None if text.lower() in ("", "none") else _number(text)


def _boolean_or_none(text: str) -> bool | None:
    return None if text.lower() in ("", "none") else _boolean(text)


def _charset(text: str) -> str:
    import pymysql

    try:
        pymysql.charset.charset_by_name(text).encoding  # noqa: B018 - unknown ones have none
    except (AttributeError, KeyError):
        raise ValueError("no character set that PyMySQL knows; utf8mb4 is one") from None
    return text


def _refused(_: str) -> Any:
    raise ValueError("a parameter that a URL cannot set")


Readers = Mapping[str, Callable[[str], Any]]
_PSYCOPG: Readers = {
    "prepare_threshold": _number_or_none,
    "autocommit": _boolean,
    **dict.fromkeys(("context", "cursor_factory", "row_factory"), _refused),
}
"""Parameters that psycopg takes itself; it passes all others to libpq as text."""

_TLS: Readers = {
    "ssl_ca": str,
    "ssl_capath": str,
    "ssl_cert": str,
    "ssl_key": str,
    "ssl_key_password": str,
    "ssl_cipher": str,
    "ssl_check_hostname": _boolean,
    "ssl_verify_cert": _boolean,
    "ssl_verify_identity": _boolean,
}
_IN_TLS = {
    "ssl_key_password": "password",
    "ssl_verify_cert": "verify_mode",
    "ssl_verify_identity": "check_hostname",
}
"""PyMySQL's names for some of them inside ``ssl``."""

_PYMYSQL: Readers = {
    **_TLS,
    **dict.fromkeys(
        ("connect_timeout", "read_timeout", "write_timeout", "client_flag", "max_allowed_packet"),
        _number,
    ),
    "port": _number,
    **dict.fromkeys(("binary_prefix", "local_infile", "ssl_disabled", "use_unicode"), _boolean),
    "ssl": _boolean,
    "autocommit": _boolean_or_none,
    "charset": _charset,
    **dict.fromkeys(
        ("auth_plugin_map", "compress", "conv", "cursorclass", "defer_connect", "named_pipe"),
        _refused,
    ),
}
_CHECKED_ONLY = ("client_flag",)
"""SQLAlchemy adds to it."""

_READERS = {"psycopg": _PSYCOPG, "pymysql": _PYMYSQL}


def typed_parameters(url: URL, store: str) -> tuple[URL, dict[str, Any]]:
    """Return a URL without the parameters that its driver does not take as text, and those typed.

    Args:
        store: The store's URL, for messages.

    Raises:
        ConfigError: A parameter is malformed, or given more than once.
    """
    found: dict[str, Any] = {}
    driver = url.get_driver_name()
    for name, read in _READERS.get(driver, {}).items():
        if (text := url.query.get(name)) is None:
            continue
        try:
            value = read(text) if isinstance(text, str) else _refused(name)
        except ValueError as error:
            raise_without_context(
                ConfigError(f"the {name} of {store} is {error}", hint="Check what follows ?.")
            )
        if name not in _CHECKED_ONLY:
            found[name] = value
    url = url.difference_update_query(list(found))
    return url, _secured(found) if driver == "pymysql" else found


def _secured(found: dict[str, Any]) -> dict[str, Any]:
    """Return PyMySQL's arguments with those about TLS in one; PyMySQL ignores some otherwise."""
    tls = {
        _IN_TLS.get(name, name.removeprefix("ssl_")): found.pop(name)
        for name in list(found)
        if name in _TLS
    }
    asked = found.pop("ssl", None)
    if asked is False:
        found["ssl_disabled"] = True
    elif tls or asked:
        found["ssl"] = {"ca": None} | tls
    return found
