"""Carries what comes to ports of one address to the same ports of another; a program of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

__all__ = ["relay"]


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def relay(listen: str, to: str, ports: Sequence[int]) -> None:
    """Begin to carry."""

    def answer(port: int) -> Any:
        async def both(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                there, here = await asyncio.open_connection(to, port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(carry(reader, here), carry(there, writer))

        return both

    for port in ports:
        await asyncio.start_server(answer(port), listen, port)


async def main() -> None:
    """Carry until the process ends."""
    listen, to, *ports = sys.argv[1:]
    await relay(listen, to, [int(port) for port in ports])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
