"""The sandbox's addresses: a port of the loopback interface for each kind of host."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from evergrant.datacenter import DataCenter
from evergrant.sandbox.messages import Request, Response
from evergrant.sandbox.models import ORG_KINDS
from evergrant.sandbox.request_context import Host
from evergrant.sandbox.server import HOST, Server

__all__ = ["Hosts"]


class Hosts:
    """What listens where.

    Args:
        answer: Answers a request at one of the hosts.
        port: The first host's port; the others get the ports after it. 0: free ports.
    """

    def __init__(self, answer: Callable[[Host, Request], Response], port: int) -> None:
        self._answer = answer
        self._port = port
        self._server: Server | None = None
        self._by_address: dict[str, Host] = {}

    def open(self, codes: Iterable[str]) -> dict[str, DataCenter]:
        """Open the ports of these data centers and serve; return the data centers by code.

        Raises:
            RuntimeError: They are open.
            OSError: A port is taken.
        """
        if self._server is not None:
            raise RuntimeError("the sandbox runs already")
        self._by_address.clear()
        server = Server()
        try:
            homes = [self._listen(server, code) for code in codes]
        except BaseException:
            server.stop()
            raise
        self._server = server
        server.start()
        return {home.code: home for home in homes}

    def close(self) -> None:
        """Close ports and connections; does nothing if none is open."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def at(self, address: str) -> Host:
        """Return the host at ``127.0.0.1:PORT``.

        Raises:
            ConnectionRefusedError: There is no host.
        """
        host = self._by_address.get(address)
        if host is None:
            raise ConnectionRefusedError(f"no server listens at {address}")
        return host

    def _listen(self, server: Server, code: str) -> DataCenter:
        urls = []
        for kind in ORG_KINDS:
            host = Host(code, kind)
            wanted = self._port and self._port + len(self._by_address)
            port = server.listen(wanted, partial(self._answer, host))
            self._by_address[f"{HOST}:{port}"] = host
            urls.append(f"http://{HOST}:{port}")
        main, sandbox, developer = urls
        return DataCenter.custom(
            main,
            main,
            code=code,
            sandbox_url=sandbox,
            developer_url=developer,
            product_host=f"{main}/hosts/{{product}}",
        )
