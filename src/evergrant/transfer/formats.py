"""Reads tokens from JSON and environment variables, with the official SDK's field names and ours.

Errors name the record and the field, and never show a value.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO

from evergrant._text import without_line_end
from evergrant.clock import from_epoch_ms, to_epoch_ms
from evergrant.errors import ConfigError
from evergrant.token import Secret, Token

__all__ = [
    "DEFAULT_PREFIX",
    "Record",
    "parse_json",
    "token_from_environment",
    "tokens_from_json",
]

DEFAULT_PREFIX = "ZOHO_"
"""The prefix of the environment variables."""

EPOCH_MS_RANGE = range(10**11, 10**14)
"""Epoch milliseconds from 1973 to 5138. A smaller number is in seconds, or a lifetime."""

MAX_ID_NUMBER = 10**15
"""Numbers of this size or more are not ids."""


class Record(dict[str, Any]):
    """The record of one token. Its repr shows names only, and its strings are secrets."""

    repeated_name = ""
    """A name that was given twice."""

    def __repr__(self) -> str:
        return f"Record({', '.join(map(_safe_name, self))})"


class Records(list[Record | None]):
    """All records in order, None for anything else. The repr shows only how many there are."""

    def __repr__(self) -> str:
        return f"<{len(self)} records>"


def tokens_from_json(stream: BinaryIO) -> list[Token]:
    """Return the tokens of a JSON object, or of a list of them.

    Raises:
        ConfigError: It is not JSON, or a record is not a token; names the record and field.
    """
    records = parse_json(stream)
    if isinstance(records, str):
        raise ConfigError(records, hint="Give one JSON object, or a list of them.")
    tokens: list[Token] = []
    owners: dict[tuple[str | None, ...], int] = {}
    for number, record in enumerate(records, 1):
        token = _make_token(record, f"record {number}")
        tokens.append(token)
        owner = (token.user_name, token.client_id, token.org_id)
        if token.user_name and owners.setdefault(owner, number) != number:
            raise ConfigError(f"record {number} has the user and client of record {owners[owner]}")
    return tokens


def token_from_environment(prefix: str = DEFAULT_PREFIX) -> Token:
    """Return the token in the variables ZOHO_REFRESH_TOKEN, ZOHO_CLIENT_ID and their like.

    Args:
        prefix: The prefix of their names, instead of ``ZOHO_``.

    Raises:
        ConfigError: A variable is missing or malformed; names it.
    """
    record = _read_variables(prefix)
    if not record:
        raise ConfigError(
            f"no environment variable holds a token: {prefix}REFRESH_TOKEN is not set",
            hint=f"Set {prefix}CLIENT_ID, {prefix}CLIENT_SECRET and {prefix}REFRESH_TOKEN.",
        )
    return _make_token(record, f"the environment ({prefix}…)")


def _read_variables(prefix: str) -> Record:
    names = {field: f"{prefix}{field.upper()}" for field in _FIELDS}
    return Record(
        {
            field: Secret(without_line_end(os.environ[name]))
            for field, name in names.items()
            if name in os.environ
        }
    )


def parse_json(stream: BinaryIO) -> Records | str:
    """Return the records of a JSON document, or what is wrong with it, in words."""
    # Problems are returned, not raised: the frames of an error would hold what was read.
    try:
        found = json.loads(stream.read().decode("utf-8-sig"), object_pairs_hook=_make_record)
    except UnicodeDecodeError:
        return "the input is not UTF-8 text"
    except json.JSONDecodeError as error:
        return f"the input is not JSON: line {error.lineno}, column {error.colno}"
    except (RecursionError, ValueError):
        return "the input is not JSON that can be read"
    rows = found if isinstance(found, list) else [found]
    return Records(row if isinstance(row, Record) else None for row in rows)


def _make_record(pairs: list[tuple[str, Any]]) -> Record:
    record = Record()
    for name, value in pairs:
        # The name too: a secret may be in its place.
        key = Secret(name)
        if key in record:
            record.repeated_name = key
        record[key] = Secret(value) if isinstance(value, str) else value
    return record


def _make_token(record: Record | None, where: str) -> Token:
    if record is None:
        raise ConfigError(f"{where} is not a JSON object")
    fields: dict[str, Any] = {}
    for name in record:
        problem = _read_field(record, name, fields)
        if problem:
            raise ConfigError(f"{where}: {_safe_name(name)} {problem}", hint=_HINT)
    token = Token(**fields)
    if not (token.refresh_token or token.access_token or token.grant_token):
        raise ConfigError(
            f"{where}: there is no refresh_token, access_token or grant_token", hint=_HINT
        )
    return token


def _read_field(record: Record, name: str, fields: dict[str, Any]) -> str:
    """Add one value of a record to ``fields``; return the problem with it, or ""."""
    if name == record.repeated_name:
        return "is given twice"
    if name not in _FIELDS:
        return "is not the name of a field"
    field, read = _FIELDS[name]
    try:
        value = None if record[name] in (None, "") else read(record[name])
    except ValueError as error:
        return str(error)
    if value is not None and fields.setdefault(field, value) != value:
        return f"contradicts another name of {field}"
    return ""


def _safe_name(name: str) -> str:
    """Return a field's name for messages, if it is a word: it may be a misplaced secret."""
    return (
        str.__str__(name) if re.fullmatch(r"[A-Za-z_]{1,40}", name) else "a name that is not a word"
    )


def _read_text(value: object) -> str:
    if not isinstance(value, Secret):
        raise ValueError("is not a string")  # noqa: TRY004 - a value that a user typed
    text = value.reveal()
    if not text.isprintable():
        raise ValueError("has characters that cannot be printed, such as a line break")
    if text != text.strip():
        raise ValueError("begins or ends with a space")
    return text


def _read_secret(value: object) -> Secret:
    return Secret(_read_text(value))


def _read_text_or_number(value: object) -> str:
    return str(value) if type(value) is int and 0 <= value < MAX_ID_NUMBER else _read_text(value)


def _read_words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return tuple(_read_text(value).replace(",", " ").split())
    if not all(isinstance(word, str) and word.isprintable() and word.split() for word in value):
        raise ValueError("is not a list of strings")
    return tuple(value)


def _read_epoch_ms(value: object) -> datetime:
    text = _read_text_or_number(value)
    # Some stores written for the official SDK hold seconds where the SDK reads milliseconds.
    if not (re.fullmatch(r"[0-9]{1,20}", text) and int(text) in EPOCH_MS_RANGE):
        raise ValueError("is not a time in milliseconds since 1970")
    return from_epoch_ms(int(text))


def _read_iso(value: object) -> datetime:
    text = _read_text(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("is not a time such as 2030-01-31T12:00:00+00:00")
    return from_epoch_ms(to_epoch_ms(moment))


_FIELDS: dict[str, tuple[str, Callable[[object], object]]] = {
    "id": ("id", _read_text_or_number),
    "user_name": ("user_name", _read_text),
    "user": ("user_name", _read_text),
    "client_id": ("client_id", _read_text),
    "client_secret": ("client_secret", _read_secret),
    "refresh_token": ("refresh_token", _read_secret),
    "access_token": ("access_token", _read_secret),
    "grant_token": ("grant_token", _read_secret),
    "expires_in": ("expires_at", _read_epoch_ms),
    "expiry_time": ("expires_at", _read_epoch_ms),
    "expires_at": ("expires_at", _read_iso),
    "redirect_url": ("redirect_url", _read_text),
    "redirect_uri": ("redirect_url", _read_text),
    "api_domain": ("api_domain", _read_text),
    "scopes": ("scopes", _read_words),
    "org_id": ("org_id", _read_text_or_number),
}
"""By name: the token's field, and the function that reads its value (or raises ValueError)."""

_HINT = f"Nothing was imported. The fields are: {', '.join(_FIELDS)}."
