"""The result of one check of ``evergrant doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, the result, and what to do about it."""

    name: str
    status: Literal["ok", "note", "problem"]
    detail: str
    hint: str = ""
