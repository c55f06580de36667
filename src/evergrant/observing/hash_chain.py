"""The lines of an audit log, and the hash chain that links each to the one before it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from evergrant._crypto.keys import Keyring

__all__ = [
    "Fault",
    "Head",
    "canonical_bytes",
    "parse_entry",
    "serialize",
    "sign_entry",
    "verify_lines",
]

GENESIS = "0" * 64
"""The hash that the first line refers to as the one before it."""

_LINE_PREFIX = b'{"actor": '  # how every line begins: its members are sorted


@dataclass(frozen=True, slots=True)
class Head:
    """The number and hash of the last line so far."""

    seq: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a line; lines are counted from 1."""

    line: int
    kind: str
    what: str


def canonical_bytes(entry: Mapping[str, Any]) -> bytes:
    """Return the bytes that a line's hash covers: everything except the hash."""
    body = {name: value for name, value in entry.items() if name != "hash"}
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def serialize(entry: Mapping[str, Any]) -> bytes:
    """Return the line of an entry in the file, with its line end. An entry has only one form."""
    return json.dumps(entry, sort_keys=True).encode() + b"\n"


def sign_entry(entry: Mapping[str, Any], head: Head, keys: Keyring | None) -> dict[str, Any]:
    """Return the entry as the line after ``head``: numbered, chained and hashed."""
    line = {**entry, "seq": head.seq + 1, "prev": head.hash}
    if keys:
        line["key"] = keys.newest.id
        return {**line, "hash": keys.newest.sign(canonical_bytes(line))}
    return {**line, "hash": sha256(canonical_bytes(line)).hexdigest()}


def parse_entry(line: bytes) -> dict[str, Any] | None:
    """Return the entry of a line, or None if the line is not an entry."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    whole = type(entry.get("seq")) is int and all(
        isinstance(entry.get(name), str) for name in ("prev", "hash")
    )
    return entry if whole else None


def verify_lines(
    lines: Iterable[bytes], keys: Keyring | None, head: Head
) -> Iterator[Fault | Head]:
    """Yield the faults of the lines, and the new head after each entry.

    Args:
        head: The head that the first line must follow. If it is empty, the first line may have
            any number: the file may begin in the middle of a rotated log.
    """
    torn: bytes | None = None
    for number, line in enumerate(lines, 1):
        entry = parse_entry(line) if line.endswith(b"\n") else None
        if torn is not None and (entry is None or not _closes_off(entry, torn)):
            yield Fault(
                number - 1, "changed", "it is not an entry, and the next entry does not explain it"
            )
        if entry is None:
            if not line.endswith(b"\n"):
                yield Fault(
                    number, "torn", "its writer was stopped; the next entry will account for it"
                )
                return
            torn = line[:-1]
            continue
        if "torn" in entry and torn is None:
            yield Fault(number, "removed", "the torn line before it is gone")
        torn = None
        if line != serialize(entry):
            # Otherwise what is read need not be what was signed, such as with a duplicate member.
            yield Fault(number, "changed", "it is not in the form in which it was written")
        if (wrong := _check_hash(entry, keys)) or (
            (head.seq or entry["seq"] == 1) and (wrong := _check_sequence(entry, head))
        ):
            yield Fault(number, *wrong)
        head = Head(entry["seq"], entry["hash"])
        yield head
    if torn is not None:
        yield Fault(number, "changed", "it is not an entry")


def _closes_off(entry: Mapping[str, Any], torn: bytes) -> bool:
    """Return True if an entry accounts for the torn line before it.

    That line must be one of ours, cut off while it was written.
    """
    begins = torn.startswith(_LINE_PREFIX) or (torn and _LINE_PREFIX.startswith(torn))
    cut = not _is_json(torn) or parse_entry(torn)  # a line that lacks only its line end counts too
    return bool(begins and cut) and entry.get("torn") == sha256(torn).hexdigest()


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _check_hash(entry: dict[str, Any], keys: Keyring | None) -> tuple[str, str] | None:
    if "key" in entry:
        key = keys.get(str(entry["key"])) if keys else None
        if key is None:
            return "unverifiable", f"the key {entry['key']} that signed it is not set"
        expected = key.sign(canonical_bytes(entry))
    elif keys:
        # Otherwise anyone who can write the file could replace signed lines by unsigned ones.
        return "unsigned", "a key is set, but it is not signed: start a new file with a new key"
    else:
        expected = sha256(canonical_bytes(entry)).hexdigest()
    if not hmac.compare_digest(expected.encode(), entry["hash"].encode(errors="replace")):
        return "changed", "its content and its hash do not match"
    return None


def _check_sequence(entry: dict[str, Any], head: Head) -> tuple[str, str] | None:
    seq, expected = entry["seq"], head.seq + 1
    if seq > expected:
        return "removed", f"entries {expected} to {seq - 1} are missing before it"
    if seq < expected:
        return "reordered", f"entry {seq} is where {expected} belongs, or was inserted"
    if entry["prev"] != head.hash:
        return "inserted", "it does not follow the line before it"
    return None
