"""Ids as Zoho makes them: 19 digits as text, and the first of them the same all over an org."""

from __future__ import annotations

from enum import IntEnum
from zlib import crc32

from evergrant.sandbox.models import Org, User

__all__ = ["Kind", "make_id", "user_id"]


class Kind(IntEnum):
    """What an id stands for: its eighth digit."""

    SETTING = 0
    USER = 1
    RECORD = 5


def make_id(org: Org, kind: Kind, number: int) -> str:
    """Return the id of an org's thing; ``number`` has up to eleven digits."""
    prefix = 4_000_000 + crc32(org.zgid.encode()) % 1_000_000
    return f"{prefix}{kind:d}{number:011d}"


def user_id(org: Org, user: User) -> str:
    """Return a person's id within an org; the zuid is the one that is theirs everywhere."""
    return make_id(org, Kind.USER, crc32(user.zuid.encode()))
