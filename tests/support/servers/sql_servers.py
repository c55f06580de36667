"""Real MariaDB and PostgreSQL servers."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import Any, ClassVar

from sqlalchemy import URL, Connection, NullPool, create_engine, exc

from tests.support.servers.server import Server, program
from tests.support.servers.templates import install

__all__ = ["ADMIN_PASSWORD", "MariaDB", "PostgreSQL", "SQLServer"]

ADMIN_PASSWORD = "planted-admin"


class SQLServer(Server):
    """A database server, and its administrator."""

    driver: ClassVar[str]
    admin: ClassVar[str]
    home_database: ClassVar[str]
    create: ClassVar[str] = "CREATE DATABASE {}"
    drop: ClassVar[str]

    def __init__(self, *, durable: bool = False) -> None:
        self._own_session: Connection | None = None
        self._one_at_a_time = threading.RLock()
        super().__init__(durable=durable)

    def ping(self) -> None:
        self.execute("SELECT 1")

    def url(
        self, database: str | None = None, user: str | None = None, password: str | None = None
    ) -> URL:
        """Return where a database is, for its administrator or for another user."""
        return URL.create(
            self.driver,
            user or self.admin,
            password if user else ADMIN_PASSWORD,
            "127.0.0.1",
            self.port,
            database or self.home_database,
        )

    def execute(self, *statements: str, database: str | None = None) -> list[Any]:
        """Run statements as the administrator; return the rows of the last one.

        What concerns no database of a test goes over one session, which is kept: to begin one
        takes longer than most statements.
        """
        if database:
            with self._session(database) as session:
                return _results(session, statements)
        with self._one_at_a_time:
            try:
                return self._execute_at_home(statements)
            except exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return self._execute_at_home(statements)  # something has ended the kept session

    def _execute_at_home(self, statements: tuple[str, ...]) -> list[Any]:
        session = self._own_session = self._own_session or self._session()
        try:
            return _results(session, statements)
        except exc.DBAPIError:
            self._end_own_session()
            raise

    def _session(self, database: str | None = None) -> Connection:
        address = self.url(database)
        return create_engine(address, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()

    def _end_own_session(self) -> None:
        session, self._own_session = self._own_session, None
        if session is not None:
            with suppress(exc.DBAPIError):
                session.close()


def _results(session: Connection, statements: tuple[str, ...]) -> list[Any]:
    rows: list[Any] = []
    for statement in statements:
        result = session.exec_driver_sql(statement.replace("%", "%%"))
        rows = [tuple(row) for row in result] if result.returns_rows else []
    return rows


class MariaDB(SQLServer):
    driver = "mysql+pymysql"
    admin = "root"
    home_database = "mysql"
    drop = "DROP DATABASE {}"
    careless = (
        "--debug-no-sync",
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-flush-method=nosync",
        "--skip-innodb-doublewrite",
    )
    sizes = ("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M")

    def _install(self) -> None:
        command = [
            program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={self.data}",
            f"--tmpdir={self.folder}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *self.sizes,
        ]
        install("mariadb", command, self.data, self._run)
        # Read at each start: it is the only statement that can be given to a server without a
        # client, and root has no password before.
        init = self.folder / "init.sql"
        init.write_text(f"ALTER USER root@localhost IDENTIFIED BY '{ADMIN_PASSWORD}';\n")
        self._hand_over(init)

    def _command(self) -> list[str]:
        return [
            program("mariadbd"),
            "--no-defaults",
            f"--datadir={self.data}",
            f"--tmpdir={self.folder}",
            f"--init-file={self.folder}/init.sql",
            f"--socket={self.folder}/socket",
            f"--pid-file={self.folder}/pid",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            f"--ssl-cert={self.certificate}",
            f"--ssl-key={self.certificate.with_suffix('.key')}",
            *([] if self._durable else self.careless),
            *self.sizes,
        ]


class PostgreSQL(SQLServer):
    driver = "postgresql+psycopg"
    admin = "postgres"
    home_database = "postgres"
    end_by = signal.SIGQUIT
    create = "CREATE DATABASE {} STRATEGY FILE_COPY"  # a third of the time of the other one
    drop = "DROP DATABASE {} WITH (FORCE)"

    def _install(self) -> None:
        password = self.folder / "password"
        password.write_text(ADMIN_PASSWORD)
        self._hand_over(password)
        command = [
            program("initdb"),
            f"--pgdata={self.data}",
            f"--username={self.admin}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        install("postgresql", command, self.data, self._run)

    def _command(self) -> list[str]:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "ssl": "on",
            "ssl_cert_file": self.certificate,
            "ssl_key_file": self.certificate.with_suffix(".key"),
            "fsync": "on" if self._durable else "off",
            "shared_buffers": "32MB",
        }
        options = [f"-c{name}={value}" for name, value in settings.items()]
        return [program("postgres"), "-D", str(self.data), *options]
