"""The URLs of Redis: those of the client, and those of clusters and sentinels."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from redis import Redis, RedisCluster, Sentinel
from redis.backoff import NoBackoff
from redis.retry import Retry

from evergrant._network.socket_watchdog import Exchange
from evergrant.errors import ConfigError
from evergrant.stores.redis.deadlines import WatchedPool, watched
from evergrant.stores.tables import DEFAULT_TABLE
from evergrant.stores.urls import SUPPORTED_URLS, hide_password, parse_query, parse_seconds

__all__ = ["Client", "RedisAddress", "parse_url"]

_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)
_KNOWN: dict[str, Callable[[str], Any]] = {
    "table": str,
    "timeout": parse_seconds,
    "db": int,
    "ssl_ca_certs": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_cert_reqs": str,
}
DEFAULT_PORT, SENTINEL_PORT = 6379, 26379

Client = Any
"""Redis or RedisCluster. (By the client's types, every result may be an awaitable.)"""


class RedisAddress:
    """The address of a store, and how to connect to it.

    Attributes:
        prefix: The prefix of all its keys.
        url: Its URL without the password.
        timeout: Seconds to wait for the server, or None if the caller decides.
    """

    def __init__(self, url: str, parts: SplitResult, given: dict[str, Any]) -> None:
        self._parts = parts
        self.prefix = str(given.pop("table", DEFAULT_TABLE))
        self.timeout: float | None = given.pop("timeout", None)
        self._given = given
        if not _PREFIX.fullmatch(self.prefix):
            raise ConfigError(
                f"{self.prefix!r} cannot be the name of a table of tokens",
                hint="Use up to 100 letters, digits and the signs _ . : and -.",
            )
        told = {"db": given.get("db"), "table": self.prefix}
        told["table"] = None if self.prefix == DEFAULT_TABLE else self.prefix
        query = "&".join(f"{name}={value}" for name, value in told.items() if value is not None)
        self.url = hide_password(url) + (f"?{query}" if query else "")

    def connect(self, timeout: float) -> Client:
        """Return a client; it connects when it is first used."""
        with Exchange(timeout):  # the client of a cluster asks for its nodes
            return self._client(timeout)

    def _client(self, timeout: float) -> Client:
        parts, scheme = self._parts, self._parts.scheme.lower()
        # A change that may have happened is not blindly repeated; the store decides about that.
        options = self._given | {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": True,
            "protocol": 2,  # in version 3, the answer to a ping cannot be told from a message
            "encoding_errors": "surrogatepass",
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
        }
        database = parts.path.strip("/")
        if scheme == "unix":
            return watched(Redis(unix_socket_path=unquote(parts.path), **options))
        if scheme == "redis+sentinel":
            options.setdefault("db", 0)
            where = _hosts(parts, SENTINEL_PORT)
            quick = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
            sentinel = Sentinel(where, sentinel_kwargs=quick)
            for one in sentinel.sentinels:
                watched(one)
            return watched(sentinel.master_for(database, **options))
        if scheme == "rediss":
            options["ssl"] = True
        if scheme == "redis+cluster":
            from redis.cluster import ClusterNode

            first, *others = _hosts(parts, DEFAULT_PORT)
            host = f"[{first[0]}]" if ":" in first[0] else first[0]
            return RedisCluster(
                url=f"redis://{host}:{first[1]}",  # only with a URL does it accept our own pool
                startup_nodes=[ClusterNode(*where) for where in others],
                connection_pool_class=WatchedPool,
                **options,
            )
        ((host, port),) = _hosts(parts, DEFAULT_PORT)
        options.setdefault("db", int(database or 0))
        return watched(Redis(host=host, port=port, **options))


def _hosts(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    where = []
    for one in parts.netloc.rpartition("@")[2].split(","):
        host, _, number = one.rpartition(":") if re.search(r":\d+$", one) else (one, "", port)
        where.append((unquote(host).strip("[]") or "localhost", int(number)))
    return where


def _is_sound(host: str, port: int) -> bool:
    return port < 2**16 and (":" not in host or host.count(":") > 1)  # or IPv6


def parse_url(url: str) -> RedisAddress:
    """Return the address of a store.

    Raises:
        ConfigError: The URL is malformed.
    """
    try:
        parts = urlsplit(str.__str__(url))
        database = parts.path.strip("/")
        scheme = parts.scheme.lower()
        if scheme == "unix":
            sound = bool(database) and not parts.hostname
        elif scheme == "redis+sentinel":
            sound = bool(database)
        elif scheme == "redis+cluster":
            sound = not database
        else:
            sound = not database or database.isdecimal()
            sound = sound and len(_hosts(parts, 0)) == 1
        hosts = scheme == "unix" or all(_is_sound(*where) for where in _hosts(parts, 0))
    except ValueError:
        sound = hosts = False
    if not sound or not hosts or parts.fragment:
        raise ConfigError(f"{hide_password(url)!r} is not the URL of a Redis", hint=SUPPORTED_URLS)
    given = parse_query(url, parts.query, _KNOWN)
    if scheme == "redis+cluster" and any(name.startswith("ssl") for name in given):
        raise ConfigError(
            f"{hide_password(url)!r} sets up TLS, which is not there for a cluster",
            hint="Leave ssl_… out, and keep the way to the cluster private.",
        )
    return RedisAddress(url, parts, given)
