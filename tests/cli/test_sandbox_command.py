"""``evergrant sandbox``, as a user runs it: in one terminal, with the rest in another."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest

from cli_runner import ALICE, Command


def free_ports() -> int:
    """Return the first of six free ports in a row: a sandbox of two data centers.

    They are below those that a system gives out by itself, so that nobody gets them meanwhile.
    """
    for first in range(20_000 + os.getpid() % 1_000 * 10, 32_000, 10):
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + 6):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
    raise AssertionError("no six ports in a row are free")


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


def test_a_whole_session_needs_the_address_only_to_log_in(run: Command) -> None:
    with running("--port", "0") as (_, said):
        log_in(said["data center us"])
        assert json.loads(run("list", "--json").stdout)[0]["data_center"] == "sandbox"
        assert run("api", "/crm/v8/Leads?fields=Last_Name").exit_code == 0
        assert run("token", ALICE).exit_code == 0
        assert run("revoke", ALICE, "--yes").exit_code == 0
        assert json.loads(run("list", "--json").stdout) == []


def test_a_login_after_a_restart_takes_the_place_of_the_one_before(run: Command) -> None:
    port = free_ports()
    with running("--port", str(port)) as (_, said):
        log_in(said["data center us"])
    with running("--port", str(port)) as (_, said):
        assert run("refresh", ALICE).exit_code == 4
        log_in(said["data center us"])
        assert run("refresh", ALICE).exit_code == 0
    assert len(json.loads(run("list", "--json").stdout)) == 1


def test_a_bare_option_means_the_default_address(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_ports()
    monkeypatch.setattr("evergrant.cli.options.SANDBOX_PORT", port)
    with running("--port", str(port)):
        assert run("doctor", "--sandbox").exit_code == 0
        assert run("--sandbox", "doctor").exit_code == 0
    assert run("doctor", "--sandbox").exit_code == 1


def test_a_taken_port_is_a_clear_error(run: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("sandbox", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "cannot be opened: Address already in use" in result.stderr


def test_an_unknown_data_center_is_refused(run: Command) -> None:
    result = run("sandbox", "--data-center", "mars")
    assert result.exit_code == 2
    assert "no data center 'mars'" in result.stderr


@pytest.mark.parametrize(
    "url", ["https://accounts.zoho.com", "http://10.1.2.3:8790", "http://sandbox.example:8790"]
)
def test_only_a_sandbox_on_this_machine_is_used(run: Command, url: str) -> None:
    result = run("login", f"--sandbox={url}")
    assert result.exit_code == 2
    assert run("login", "--sandbox", url).stderr == result.stderr


def log_in(url: str) -> None:
    """Log the sandbox's first user in as a browser would, without opening one."""
    with subprocess.Popen(
        [sys.executable, "-m", "evergrant", "login", f"--sandbox={url}", "--no-browser"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        address = next(line.strip() for line in process.stderr if line.startswith("  http"))
        with httpx2.Client(trust_env=False, follow_redirects=True) as browser:
            page = browser.get(address).text
            form = {
                name: re.findall(f'name="{name}"[^>]* value="([^"]+)"', page)[0]
                for name in ("ticket", "account")
            }
            action = re.findall('action="([^"]+)"', page)[0]
            done = browser.post(urljoin(address, action), data={**form, "decision": "allow"})
            assert "You can close this window" in done.text
        _, said = process.communicate()
        assert process.returncode == 0, said
