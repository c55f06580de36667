"""``evergrant sandbox``, as a user runs it: in one terminal, with the rest in another."""

from __future__ import annotations

import importlib
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest

from tests.support.cli.runner import ALICE, Command
from tests.support.servers.ports import free_ports


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


def printed_environment(said: dict[str, str]) -> dict[str, str]:
    """Return what the lines to paste into a shell set."""
    lines = (name.removeprefix("export ") for name in said if name.startswith("export "))
    return dict(line.split("=", 1) for line in lines)


def test_what_it_prints_is_all_that_an_example_needs(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = Path(__file__).parents[2] / "examples"
    with running("--port", "0") as (_, said):
        given = printed_environment(said)
        assert given["ZOHO_CLIENT_SECRET"] == "evergrant-sandbox"
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("EVERGRANT_STORE", f"sqlite:///{home}/tokens.db")
        monkeypatch.setenv("SESSION_SECRET", "x" * 40)
        monkeypatch.setenv("INSECURE_COOKIES", "1")
        monkeypatch.syspath_prepend(examples)
        example = importlib.import_module("flask_app.app")
        keeper = example.keeper_of_environment()
        with keeper, keeper.accounts, keeper.store, httpx2.Client(trust_env=False) as zoho:
            browser = example.create(keeper).test_client()
            begun = browser.get("/zoho/login?next=/leads").headers["Location"]
            back = consent(zoho, begun).headers["Location"]
            assert back.startswith(given["ZOHO_REDIRECT_URL"])
            done = browser.get(back.removeprefix("http://127.0.0.1:8000"), follow_redirects=True)
            assert (done.status_code, done.json) == (200, {"data": []})


def test_one_more_redirect_url_is_registered(home: Path) -> None:
    url = "https://my.example/back"
    with running("--port", "0", "--redirect-url", url) as (_, said):
        base = said["data center us"]
        info = httpx2.get(f"{base}/_sandbox/info", trust_env=False).json()
        assert url in info["redirect_uris"]
        assert "http://127.0.0.1/zoho/callback" in info["redirect_uris"]


def test_what_it_lacks_is_said_at_its_terminal(home: Path) -> None:
    with running("--port", "0") as (process, said):
        base = said["data center us"]
        refused = httpx2.get(f"{base}/oauth/v2/userinfo", trust_env=False)
        assert refused.headers["X-Sandbox-Missing"] == "address /oauth/v2/userinfo"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert errors == "not in the sandbox: address /oauth/v2/userinfo (GET)\n"


@pytest.mark.parametrize(("options", "status"), [((), 400), (("--lenient",), 201)])
def test_unknown_fields_are_kept_if_it_is_told_to(
    run: Command, options: tuple[str, ...], status: int
) -> None:
    with running("--port", "0", *options) as (_, said):
        log_in(said["data center us"])
        body = b'{"data":[{"Last_Name":"Doe","Shoe_Size":44}]}'
        result = run("api", "/crm/v8/Leads", "--input", "-", stdin=body)
        assert (result.exit_code == 0) is (status == 201), result.output


def test_a_login_after_a_restart_takes_the_place_of_the_one_before(run: Command) -> None:
    port = free_ports(6)  # a sandbox of two data centers
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
    port = free_ports(6)
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
            done = consent(browser, address)
            assert "You can close this window" in done.text
        _, said = process.communicate()
        assert process.returncode == 0, said


def consent(browser: httpx2.Client, address: str) -> httpx2.Response:
    """Answer the consent page as its first user."""
    page = browser.get(address).text
    form = {
        name: re.findall(f'name="{name}"[^>]* value="([^"]+)"', page)[0]
        for name in ("ticket", "account")
    }
    action = re.findall('action="([^"]+)"', page)[0]
    return browser.post(urljoin(address, action), data={**form, "decision": "allow"})
