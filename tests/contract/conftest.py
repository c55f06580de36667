"""The databases that tests ask for."""

from __future__ import annotations

from databases import database, mariadb, mariadb_server, postgresql, postgresql_server

__all__ = ["database", "mariadb", "mariadb_server", "postgresql", "postgresql_server"]
