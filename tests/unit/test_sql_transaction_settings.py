"""How long to wait and what to refuse is said within each transaction or statement."""

from __future__ import annotations

from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from evergrant.stores.sql.statements import Statement
from evergrant.stores.sql.transaction_settings import TransactionSettings

UPDATE = Statement("UPDATE t SET a = %s", ("a",))
FIND = Statement("SELECT a FROM t", None)
LOCK = Statement("SELECT a FROM t FOR UPDATE", None)


def mysql(*, is_mariadb: bool) -> TransactionSettings:
    dialect = MySQLDialect_pymysql()
    dialect.is_mariadb = is_mariadb
    return TransactionSettings(dialect, timeout=3, read_only=False)


def test_mariadb_gets_them_before_a_statement() -> None:
    limits = mysql(is_mariadb=True)
    assert limits.of(FIND).text == "SET STATEMENT lock_wait_timeout = 3 FOR SELECT a FROM t"
    for statement in (UPDATE, LOCK):
        assert limits.of(statement) == statement._replace(
            text="SET STATEMENT lock_wait_timeout = 3, innodb_lock_wait_timeout = 3, "
            f"sql_mode = 'STRICT_ALL_TABLES' FOR {statement.text}"
        )


def test_mysql_gets_them_as_hints() -> None:
    limits = mysql(is_mariadb=False)
    assert limits.of(FIND).text == "SELECT /*+ SET_VAR(lock_wait_timeout = 3) */ a FROM t"
    assert limits.of(UPDATE).text == (
        "UPDATE /*+ SET_VAR(lock_wait_timeout = 3) SET_VAR(innodb_lock_wait_timeout = 3) "
        "SET_VAR(sql_mode = 'STRICT_ALL_TABLES') */ t SET a = %s"
    )


def test_what_ends_a_transaction_stays_as_it_is() -> None:
    for limits in (mysql(is_mariadb=True), mysql(is_mariadb=False)):
        for text in ("COMMIT", "ROLLBACK", "DO RELEASE_LOCK('x')"):
            assert limits.of(Statement(text, None)).text == text


def test_postgresql_gets_them_with_the_begin_of_a_transaction() -> None:
    dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    limits = TransactionSettings(dialect, timeout=0.2, read_only=True)
    assert limits.begin.text == (
        "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL lock_timeout = '1s'"
    )
    assert limits.begin.options == {"prepare": False}
    assert limits.of(UPDATE) is UPDATE
