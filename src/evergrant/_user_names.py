"""When two names are the same user's: addresses are compared without case, keys exactly."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase

__all__ = ["belongs_to", "fold_name", "near_names", "same_name"]

_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
"""Of the letters A to Z only: about all others, such as the Turkish I, databases disagree, and
two people must not become one."""

LIKENESS = 0.6
"""Of two names before the @, 1 for equal ones: alice and alcie have 0.8, alice and bob none."""


@lru_cache(maxsize=10_000)  # every call for a token asks
def fold_name(name: str) -> str:
    """Return a user's name as it is compared: ``Me@X.com:Org1`` as ``me@x.com:Org1``.

    What has no ``@`` before its first colon is a key of the caller's own, and stays as it is.
    """
    address, colon, org = name.partition(":")
    return f"{address.translate(_SMALL)}{colon}{org}" if "@" in address else name


def same_name(one: str, other: str) -> bool:
    """Return True if two names are one user's."""
    return one == other or fold_name(one) == fold_name(other)


def belongs_to(user_name: str, name: str) -> bool:
    """Return True if a user is called ``name``, or ``name:<org id>``."""
    return f"{fold_name(user_name)}:".startswith(f"{fold_name(name)}:")


def near_names(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three of the names that a mistyped one may have meant, the nearest first."""
    known = set(names) - {""}
    whole = {one.partition("@")[0].lower(): one for one in known}
    whole |= {one.partition(":")[0].lower(): one for one in known}
    whole |= {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), whole, n=3, cutoff=0.75)
    return list(dict.fromkeys(whole[one] for one in near if _is_near(name.lower(), one)))


def _is_near(one: str, other: str) -> bool:
    # All people of a company have its domain: what is in front of it must be alike as well.
    return SequenceMatcher(None, one.partition("@")[0], other.partition("@")[0]).ratio() >= LIKENESS
