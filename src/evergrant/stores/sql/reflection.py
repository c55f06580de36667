"""Reads how a database describes its columns and indexes, which another program may have made."""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, Dialect, Integer, text
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedIndex

__all__ = ["ignores_case", "index_expression", "is_narrow"]


def index_expression(index: ReflectedIndex, dialect: Dialect) -> str:
    """Return the column, or expression of a column, that an index serves."""
    first = str((index.get("expressions") or index["column_names"])[0]).lower()
    if dialect.name != "postgresql" or "user_name" not in first:
        return first
    return "user_name" if "lower(" in first and 'collate "c"' in first else ""


def ignores_case(connection: Connection, table: str) -> bool:
    """Return True if the database itself compares user names without case."""
    if connection.dialect.name == "postgresql":
        return False
    asked = (
        "SELECT collation_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = :name AND column_name = 'user_name'"
    )
    return str(connection.scalar(text(asked), {"name": table})).endswith("_ci")


def is_narrow(column: ReflectedColumn | None) -> bool:
    """Return True if a numeric column is too narrow for a version, which MySQL may cut short."""
    return (
        column is not None
        and isinstance(column["type"], Integer)
        and not isinstance(column["type"], BigInteger)
    )
