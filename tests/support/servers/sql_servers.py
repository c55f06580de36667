"""Real MariaDB and PostgreSQL servers, on free ports and in temporary folders, for one test run.

Each worker starts its own when a test first asks for it. What they write is made durable only
where a test is about that.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import URL, Connection, NullPool, create_engine, exc

from tests.support.servers import certificates, stop_with_parent
from tests.support.servers.ports import free_port

PATIENCE = 90.0
"""Seconds that a server may take to start on a busy machine."""

ADMIN_PASSWORD = "planted-admin"


class Server:
    """A database server of the tests' own.

    Args:
        durable: Let it make sure of what it writes, as a server does that is not a test's.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        certificate: The certificate that it shows, signed by itself.
    """

    driver: ClassVar[str]
    admin: ClassVar[str]
    home_database: ClassVar[str]
    create: ClassVar[str] = "CREATE DATABASE {}"
    drop: ClassVar[str]
    end_by: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self.folder = Path(tempfile.mkdtemp(prefix="evergrant-"))
        self.data = self.folder / "data"
        self.certificate = certificates.write(self.folder)
        for file in (self.folder, *self.folder.iterdir()):
            self._hand_over(file)
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self._pid = 0
        self._own_session: Connection | None = None
        self._one_at_a_time = threading.RLock()
        try:
            self._install()
            self.start()
        except BaseException:
            self.close()
            raise

    def _hand_over(self, file: Path) -> None:
        if owner := stop_with_parent.identity():
            os.chown(file, owner["user"], owner["group"])

    def _install(self) -> None:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **stop_with_parent.identity(),
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def start(self) -> None:
        """Start the server, and return when it answers."""
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    stop_with_parent.__file__,
                    str(self.folder),
                    str(int(self.end_by)),
                    *self._command(),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout
        self._pid = int(self._process.stdout.readline())
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                self.execute("SELECT 1")
            except exc.OperationalError:
                if time.monotonic() > give_up or self._process.poll() is not None:
                    pytest.fail(f"no server:\n{(self.folder / 'log').read_text()}")
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End the server at once, as a crash does; its data stay."""
        self._end(lambda: os.kill(self._pid, self.end_by))

    def kill(self) -> None:
        """Kill all processes of the server."""

        def kill_all() -> None:
            os.kill(self._pid, signal.SIGSTOP)  # it would begin new ones
            self._signal(signal.SIGKILL)

        self._end(kill_all)

    def freeze(self) -> None:
        """Let the server answer nothing any more, as a host does that is cut off."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text()
        for pid in [self._pid, *map(int, children.split())]:
            os.kill(pid, number)

    def _end(self, end: Callable[[], None]) -> None:
        if self._process is None:
            return
        self._end_own_session()
        end()
        self._process.wait(PATIENCE)
        self._close_pipes(self._process)
        self._process = None

    def restart(self) -> None:
        """End the server at once, and start it again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server and remove all of it."""
        self._end_own_session()
        if self._process is None:
            shutil.rmtree(self.folder)
            return
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._close_pipes(self._process)

    @staticmethod
    def _close_pipes(process: subprocess.Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        process.stdout.close()

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


class MariaDB(Server):
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

    def _install(self) -> None:
        self._run(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={self.data}",
            f"--tmpdir={self.folder}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )
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
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
        ]


class PostgreSQL(Server):
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
        self._run(
            program("initdb"),
            f"--pgdata={self.data}",
            f"--username={self.admin}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )

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


def program(name: str) -> str:
    """Return where a program is; Debian keeps some outside of PATH.

    A test that needs one which is not there is skipped, and under CI that is a failure.
    """
    places = [os.environ.get("PATH", ""), "/usr/sbin"]
    places += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found
