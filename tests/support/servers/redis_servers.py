"""Real Redis servers, on free ports and in temporary folders, for one test run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from redis import BusyLoadingError
from redis import ConnectionError as NotConnected
from redis import Redis as Client
from sqlalchemy import exc

from tests.support.servers.ports import free_port
from tests.support.servers.server import Server, program
from tests.support.waiting import until

__all__ = [
    "DURABLE",
    "PASSWORD",
    "Redis",
    "Sentinel",
    "Space",
    "clustered",
    "redis",
    "redis_server",
    "redis_url",
]

PASSWORD = "planted-redis"

DURABLE = ("--appendonly yes", "--appendfsync always")
"""Settings of a server that has made sure of what it answers."""


class Redis(Server):
    """A server that keeps nothing on disk, unless told.

    Args:
        settings: What else it is started with, such as ``--appendonly yes``.
    """

    def __init__(self, *settings: str, mode: str = "") -> None:
        self._settings = settings
        self._mode = mode
        self.tls_port = free_port()
        super().__init__()

    @property
    def socket(self) -> Path:
        return self.folder / "redis.sock"

    def _install(self) -> None:
        """Nothing: it makes its files when it needs them."""

    def _command(self) -> list[str]:
        tls = [
            f"--tls-port {self.tls_port}",
            f"--tls-cert-file {self.certificate}",
            f"--tls-key-file {self.certificate.with_suffix('.key')}",
            f"--tls-ca-cert-file {self.certificate}",
            "--tls-auth-clients no",
        ]
        plain = [f"--unixsocket {self.socket}", "--unixsocketperm 777", '--save ""', *tls]
        options = [
            f"--port {self.port}",
            "--bind 127.0.0.1",
            f"--dir {self.folder}",
            f"--logfile {self.folder}/redis.log",
            f"--requirepass {PASSWORD}",
            f"--masterauth {PASSWORD}",
            "--repl-diskless-sync-delay 0",  # five seconds by default, for more replicas to come
            *([] if self._mode else plain),
            *self._settings,
        ]
        words = [word for option in options for word in option.split(" ", 1)]
        return [program("redis-server"), *([self._mode] if self._mode else []), *words]

    def client(self, database: int = 0) -> Any:
        """Return a client of the administrator's."""
        return Client(
            port=self.port, password=PASSWORD, db=database, decode_responses=True, socket_timeout=30
        )

    def ping(self) -> None:
        with self.client() as client:
            try:
                client.ping()
            except (NotConnected, BusyLoadingError) as error:
                raise exc.OperationalError("PING", {}, error) from None

    def place(self, database: int = 0, prefix: str = "") -> str:
        """Return the URL of a store."""
        table = f"?table={prefix}" if prefix else ""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/{database}{table}"


class Sentinel(Redis):
    """A sentinel of one primary, called ``tokens``.

    Args:
        watched: The primary's port.
    """

    def __init__(self, watched: int) -> None:
        self._watched = watched
        super().__init__(mode="--sentinel")

    def _command(self) -> list[str]:
        settings = self.folder / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\n"
            f"sentinel monitor tokens 127.0.0.1 {self._watched} 1\n"
            f"sentinel auth-pass tokens {PASSWORD}\n"
        )
        self._hand_over(settings)
        return [super()._command()[0], str(settings), "--sentinel"]

    def client(self, database: int = 0) -> Any:
        return Client(port=self.port)


def clustered() -> Redis:
    """Start a server that is a cluster by itself."""
    node = Redis("--cluster-enabled yes", f"--cluster-port {free_port()}")
    with node.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(lambda: client.cluster("info")["cluster_state"] == "ok")
    return node


class Space:
    """An empty store on a server.

    Attributes:
        url: Where it is.
    """

    def __init__(self, server: Redis) -> None:
        self.server = server
        self.url = server.place(prefix=f"t{token_hex(8)}")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    program("redis-server")
    server = Redis()
    yield server
    server.close()


@pytest.fixture
def redis(redis_server: Redis) -> Space:
    return Space(redis_server)


@pytest.fixture
def redis_url(redis: Space) -> str:
    """Return the URL of an empty store."""
    return redis.url
