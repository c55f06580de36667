"""Keys, and the rows as they lie in the storage."""

from __future__ import annotations

from base64 import b64encode

from evergrant._crypto.keys import Key
from evergrant.stores.memory import MemoryStore
from evergrant.stores.rows import Row
from evergrant.token import Secret

__all__ = ["NEW", "OLD", "key", "rows", "write"]


def key(number: int) -> Key:
    return Key(Secret(b64encode(bytes([number]) * 32).decode()))


OLD, NEW = key(1), key(2)


def rows(inner: MemoryStore) -> list[list[str | int | None]]:
    return [list(row) for row in inner._rows()]


def write(inner: MemoryStore, row: list[str | int | None]) -> None:
    inner._put(str(row[0]), Row(row))
