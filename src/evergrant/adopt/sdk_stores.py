"""The stores of Zoho's own SDK, which evergrant opens where they are: one line changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["SDKStore", "find_sdk_stores"]

KINDS = ("FileStore", "DBStore", "CustomStoreSQLite")


@dataclass(frozen=True, slots=True)
class SDKStore:
    """A call that makes a store.

    Attributes:
        replacement: What to write in its place, or None if a person must say which store it is.
    """

    call: ast.Call
    replacement: str | None


def find_sdk_stores(module: ast.Module) -> Iterator[SDKStore]:
    """Yield the stores of the SDK that a program makes."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name in KINDS:
                url = _url(name, node)
                is_plain = url is not None and node.lineno == node.end_lineno
                yield SDKStore(node, f'token_store("{url}")' if is_plain else None)


def _url(name: str, call: ast.Call) -> str | None:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    if name == "CustomStoreSQLite" and not values:
        return "sqlite:///zohooauth.db"  # the name in Zoho's sample
    if name == "FileStore" and len(values) == 1 and isinstance(values[0], ast.Constant):
        path = values[0].value
        if isinstance(path, str) and path.startswith("/"):
            return f"file://{quote(path)}"
    return None
