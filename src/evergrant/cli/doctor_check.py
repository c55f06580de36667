"""What ``evergrant doctor`` has to say of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it stands, and what to do about it."""

    name: str
    status: Literal["ok", "note", "problem"]
    detail: str
    hint: str = ""
