"""Hosts of a small network: network namespaces, each with a loopback and an address of its own.

Servers of the tests listen on this machine's loopback only. A host reaches them all the same, at
the same addresses: what it sends to a port of its own loopback is carried over the network to
that port here. Between the two, packets can be dropped, without a word to either side.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import relay

__all__ = ["Host", "hosts"]

ROOT = Path(__file__).parents[3]
WORKER, RELAY = Path(__file__).with_name("network_host.py"), Path(relay.__file__)
PREFIX = "eg"
"""How the names of hosts begin; the test's process and a number follow."""

_numbers = count(1)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def take_away(*names: str) -> None:
    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def of_the_dead() -> list[str]:
    """Return the names of hosts whose tests were killed: the kernel keeps them for ever."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    owners = re.findall(rf"^({PREFIX}(\d+)-\d+)", listed.stdout, re.MULTILINE)
    return [name for name, pid in owners if not Path(f"/proc/{pid}").exists()]


def free_network() -> str:
    """Return the beginning of addresses that no interface of this machine has."""
    taken = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=True).stdout
    while True:
        net = f"10.{random.randrange(200, 250)}.{random.randrange(256)}"
        if f" {net}." not in taken:
            return net


class Host:
    """A host, and a program on it that uses a store; see `network_host`.

    Args:
        ports: Of this machine's loopback, that it can reach.
    """

    def __init__(self, number: int, ports: Sequence[int]) -> None:
        self._name = f"{PREFIX}{os.getpid()}-{number}"
        self._link = f"{self._name}v"  # of 15 characters at the most
        net = free_network()
        self.gateway, self._address = f"{net}.1", f"{net}.2"
        self._ports = ports
        self._programs: list[subprocess.Popen[Any]] = []
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        name = self._name
        run("ip", "netns", "add", name)
        run("ip", "link", "add", self._link, "type", "veth", "peer", "eth0", "netns", name)
        run("ip", "addr", "add", f"{self.gateway}/24", "dev", self._link)
        run("ip", "link", "set", self._link, "up")
        self._inside("ip", "link", "set", "lo", "up")
        self._inside("ip", "addr", "add", f"{self._address}/24", "dev", "eth0")
        self._inside("ip", "link", "set", "eth0", "up")
        relay = subprocess.Popen(
            [sys.executable, str(RELAY), self.gateway, "127.0.0.1", *map(str, self._ports)],
            stdout=subprocess.PIPE,
        )
        self._programs.append(relay)
        assert relay.stdout
        assert relay.stdout.readline() == b"ready\n"

    def _inside(self, *command: str) -> None:
        run("ip", "netns", "exec", self._name, *command)

    def start(self, scene: dict[str, Any]) -> None:
        """Begin to start the program; `wait_until_ready` tells when it has."""
        told = scene | {"gateway": self.gateway, "ports": list(self._ports)}
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", self._name, sys.executable, str(WORKER)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._programs.append(self._process)
        self.say(**told)

    def wait_until_ready(self) -> None:
        """Return once the program is there."""
        assert self.hear() == {"ready": True}

    def say(self, **what: Any) -> None:
        """Tell the program to do something; it answers when it is done."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Return the next answer."""
        assert self._process.stdout
        return dict(json.loads(self._process.stdout.readline()))

    def do(self, **what: Any) -> dict[str, Any]:
        """Tell the program to do something, and return its answer."""
        self.say(**what)
        return self.hear()

    def cut(self, port: int | None = None) -> None:
        """Drop every packet in both directions, or those from and to a port: nobody is told."""
        for chain, way, end in (("INPUT", "-i", "--sport"), ("OUTPUT", "-o", "--dport")):
            which = () if port is None else ("-p", "tcp", end, str(port))
            self._inside("iptables", "-A", chain, "!", way, "lo", *which, "-j", "DROP")

    def heal(self) -> None:
        """Let packets through again."""
        self._inside("iptables", "-F")

    def close(self) -> None:
        """End the program, and take the host away."""
        for program in reversed(self._programs):
            program.kill()
            program.communicate()
        take_away(self._name)


@contextmanager
def hosts(number: int, ports: Sequence[int]) -> Iterator[list[Host]]:
    """Make so many hosts."""
    if os.getuid() != 0 and not os.environ.get("CI"):
        pytest.skip("only root can make network namespaces")
    take_away(*of_the_dead())
    with ExitStack() as stack:
        made = []
        for _ in range(number):
            host = Host(next(_numbers), ports)
            stack.callback(host.close)
            made.append(host)
        yield made
