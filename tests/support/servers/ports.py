"""Free ports of the loopback interface, for servers of the tests' own."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress

__all__ = ["free_port", "free_ports"]

PORTS = range(20_000, 32_000)
"""Below those that a system gives out by itself: nothing else gets one before its server has it,
or while that starts again."""

_chance = random.SystemRandom()  # Hypothesis seeds the other, alike for all workers


def free_ports(number: int) -> int:
    """Return the first of so many free ports in a row."""
    for _ in range(1_000):
        first = _chance.choice(PORTS[: -number or None])
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + number):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
    raise AssertionError(f"no {number} ports in a row are free")


def free_port() -> int:
    """Return a free port."""
    return free_ports(1)
