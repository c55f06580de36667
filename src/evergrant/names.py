"""When two names are the same user's: addresses are compared without case, keys exactly."""

from __future__ import annotations

from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase

__all__ = ["belongs_to", "folded", "same_name"]

_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
"""Of the letters A to Z only: about all others, such as the Turkish I, databases disagree, and
two people must not become one."""


@lru_cache(maxsize=10_000)  # every call for a token asks
def folded(name: str) -> str:
    """Return a user's name as it is compared: ``Me@X.com:Org1`` as ``me@x.com:Org1``.

    What has no ``@`` before its first colon is a key of the caller's own, and stays as it is.
    """
    address, colon, org = name.partition(":")
    return f"{address.translate(_SMALL)}{colon}{org}" if "@" in address else name


def same_name(one: str, other: str) -> bool:
    """Say whether two names are one user's."""
    return one == other or folded(one) == folded(other)


def belongs_to(user_name: str, name: str) -> bool:
    """Say whether a user is called ``name``, or ``name:<org id>``."""
    return f"{folded(user_name)}:".startswith(f"{folded(name)}:")
