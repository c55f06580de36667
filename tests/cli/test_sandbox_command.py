"""``evergrant sandbox``, as a user runs it: in one terminal, with the rest in another."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli_runner import ALICE, Command


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run a sandbox; yield the process and what it said, line by line."""
    command = [sys.executable, "-m", "evergrant", "sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        said = {}
        for line in it.stdout:
            name, _, value = line.strip().partition(": ")
            said[name] = value
            if name.startswith("Ctrl-C"):
                break
        try:
            yield it, said
        finally:
            it.kill()


def test_it_says_how_to_use_it_and_ends_quietly_with_ctrl_c(home: Path) -> None:
    with running("--port", "0", "--data-center", "eu", "--data-center", "in") as (process, said):
        assert said["data center eu"].startswith("http://127.0.0.1:")
        assert said["data center in"].startswith("http://127.0.0.1:")
        assert said["client id"].startswith("1000.")
        assert ALICE in said["users"]
        assert said["log in with"] == f"evergrant login --sandbox={said['data center eu']}"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")


def test_a_whole_session_needs_its_address_only_to_log_in(run: Command, home: Path) -> None:
    with running("--port", "0") as (_, said):
        url = said["data center us"]
        info = json.loads(run.process("api", f"--sandbox={url}", "/_sandbox/info").stdout or "{}")
        assert info == {}  # nobody is logged in yet, so nothing was asked
        login(run, url)
        assert run("list").exit_code == 0
        assert run("api", "/crm/v8/Leads?fields=Last_Name").exit_code == 0
        assert run("token", ALICE).exit_code == 0
        assert run("revoke", ALICE, "--yes").exit_code == 0
        assert json.loads(run("list", "--json").stdout) == []


def login(run: Command, url: str) -> None:
    """Log Alice in as a browser would, without opening one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "evergrant", "login", f"--sandbox={url}", "--no-browser"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    assert process.stderr is not None
    address = next(line.strip() for line in process.stderr if line.startswith("  http"))
    accept(address)
    _, said = process.communicate()
    assert process.returncode == 0, said
