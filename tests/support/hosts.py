"""Hosts of a small network: network namespaces, each with a loopback and an address of its own.

Servers of the tests listen on this machine's loopback only. A host reaches them all the same, at
the same addresses: what it sends to a port of its own loopback is carried over the network to
that port here. Between the two, packets can be dropped, without a word to either side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Host", "hosts"]

WORKER, RELAY = (Path(__file__).with_name(name) for name in ("host_worker.py", "relay.py"))
_numbers = count(1)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


class Host:
    """A host, and a program on it that uses a store; see `host_worker`.

    Args:
        ports: Of this machine's loopback, that it can reach.
    """

    def __init__(self, number: int, ports: Sequence[int]) -> None:
        name = f"eg{os.getpid() % 100_000}-{number}"
        self._name, self._link = name, f"{name}v"
        net = f"10.{200 + os.getpid() % 50}.{number % 250}"
        self.gateway, self._address = f"{net}.1", f"{net}.2"
        self._ports = ports
        run("ip", "netns", "add", name)
        run("ip", "link", "add", self._link, "type", "veth", "peer", "eth0", "netns", name)
        run("ip", "addr", "add", f"{self.gateway}/24", "dev", self._link)
        run("ip", "link", "set", self._link, "up")
        self._inside("ip", "link", "set", "lo", "up")
        self._inside("ip", "addr", "add", f"{self._address}/24", "dev", "eth0")
        self._inside("ip", "link", "set", "eth0", "up")
        self._relay = subprocess.Popen(
            [sys.executable, str(RELAY), self.gateway, "127.0.0.1", *map(str, ports)],
            stdout=subprocess.PIPE,
        )
        assert self._relay.stdout
        assert self._relay.stdout.readline() == b"ready\n"
        self._process: subprocess.Popen[str] | None = None

    def _inside(self, *command: str) -> None:
        run("ip", "netns", "exec", self._name, *command)

    def start(self, scene: dict[str, Any]) -> None:
        """Start the program."""
        told = scene | {"gateway": self.gateway, "ports": list(self._ports)}
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", self._name, sys.executable, str(WORKER)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.do(**told) == {"ready": True}

    def say(self, **what: Any) -> None:
        """Tell the program to do something; it answers when it is done."""
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Return the next answer."""
        assert self._process
        assert self._process.stdout
        return dict(json.loads(self._process.stdout.readline()))

    def do(self, **what: Any) -> dict[str, Any]:
        """Tell the program to do something, and return its answer."""
        self.say(**what)
        return self.hear()

    def cut(self) -> None:
        """Drop every packet, in both directions: nobody is told."""
        for chain in ("INPUT", "OUTPUT"):
            self._inside("iptables", "-A", chain, "!", "-i" if chain == "INPUT" else "-o", "lo",
                         "-j", "DROP")  # fmt: skip

    def heal(self) -> None:
        """Let packets through again."""
        self._inside("iptables", "-F")

    def close(self) -> None:
        """End the program, and take the host away."""
        if self._process:
            self._process.kill()
            self._process.communicate()
        self._relay.kill()
        self._relay.communicate()
        run("ip", "netns", "del", self._name)


@contextmanager
def hosts(number: int, ports: Sequence[int]) -> Iterator[list[Host]]:
    """Make so many hosts."""
    if os.getuid() != 0 and not os.environ.get("CI"):
        pytest.skip("only root can make network namespaces")
    with ExitStack() as stack:
        made = []
        for _ in range(number):
            host = Host(next(_numbers), ports)
            stack.callback(host.close)
            made.append(host)
        yield made
