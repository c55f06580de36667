"""One address, behind which a test puts now this server and now that one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.servers.relay import carry

__all__ = ["Address", "address"]


class Address:
    """A port of 127.0.0.1 that leads to another one; who is connected stays where they are.

    Attributes:
        port: Where to connect to.
        leads_to: Which port new connections lead to.
    """

    def __init__(self, leads_to: int) -> None:
        self.leads_to = leads_to
        self.port = 0
        self._connections: set[asyncio.StreamWriter] = set()

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._both, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _both(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, here = await asyncio.open_connection("127.0.0.1", self.leads_to)
        except OSError:
            writer.close()
            return
        ends = {writer, here}
        self._connections |= ends
        await asyncio.gather(carry(reader, here), carry(there, writer))
        self._connections -= ends

    async def close(self, server: asyncio.Server) -> None:
        server.close()
        await server.wait_closed()
        for end in list(self._connections):
            end.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def address(port: int) -> Iterator[Address]:
    """Serve an address that leads to a port, until the end."""
    loop = asyncio.new_event_loop()
    place = Address(port)
    server = loop.run_until_complete(place.serve())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield place
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(place.close(server))
    loop.close()
