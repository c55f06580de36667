"""``evergrant sandbox`` with people, a client, records and a state of one's own."""

from __future__ import annotations

import json
import re
import signal
import stat
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.test_sandbox_command import consent, log_in, running
from tests.support.cli.runner import ALICE, Command
from tests.support.servers.ports import free_ports

FREE = ("--port", "0", "--data-center", "us")


def info(said: dict[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = httpx2.get(
        f"{said['data center us']}/_sandbox/info", trust_env=False
    ).json()
    return answer


def test_a_client_of_ones_own_is_the_sandboxes(home: Path) -> None:
    with running(*FREE, "--client", "1000.MINE:my-secret", "--redirect-uri", "https://a.b/c") as (
        _,
        said,
    ):
        about = info(said)
    assert (about["client_id"], about["client_secret"]) == ("1000.MINE", "my-secret")
    assert said["client id"] == "1000.MINE"
    assert "https://a.b/c" in about["redirect_uris"]


def test_people_of_ones_own_have_an_account_where_it_is_said(run: Command) -> None:
    people = ("--user", "dora@example.com", "--user", "erik@example.eu:eu", "--user", ALICE)
    with running("--port", "0", *people, "--service", "desk") as (_, said):
        assert said["users"].endswith("dora@example.com, erik@example.eu")
        back = httpx2.get(
            f"{said['data center us']}/oauth/v2/auth?response_type=code&client_id="
            f"{said['client id']}&redirect_uri=http://127.0.0.1/callback&scope=ZohoCRM.modules.ALL",
            trust_env=False,
        )
        assert "erik@example.eu" in back.text


def test_records_are_there_from_the_beginning(run: Command, tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"crm": {"Leads": [{"Last_Name": "Doe", "Shoe_Size": 44}]}}))
    with running(*FREE, "--data", str(data)) as (_, said):
        log_in(said["data center us"])
        result = run("api", "/crm/v8/Leads?fields=Last_Name,Shoe_Size")
        (lead,) = json.loads(result.stdout)["data"]
    assert (lead["Last_Name"], lead["Shoe_Size"]) == ("Doe", 44)


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_a_login_lasts_over_a_restart_with_a_state(
    run: Command, tmp_path: Path, ended_by: signal.Signals
) -> None:
    port, file, data = free_ports(3), tmp_path / "state.json", tmp_path / "data.json"
    data.write_text(json.dumps({"crm": {"Leads": [{"Last_Name": "Doe"}]}}))
    options = [*FREE, "--port", str(port), "--state", str(file), "--data", str(data)]
    with running(*options) as (process, said):
        assert said[f"Ctrl-C stops it; its state is kept in {file}."] == ""
        log_in(said["data center us"])
        process.send_signal(ended_by)
        process.communicate()
        assert process.returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with running(*options) as (process, _):
        assert run("refresh", ALICE).exit_code == 0
        assert len(json.loads(run("api", "/crm/v8/Leads?fields=Last_Name").stdout)["data"]) == 1
        process.send_signal(signal.SIGINT)
        process.communicate()


def test_a_killed_sandbox_loses_a_second_at_most(run: Command, tmp_path: Path) -> None:
    port, file = free_ports(3), tmp_path / "state.json"
    options = ("--port", str(port), "--data-center", "us", "--state", str(file))
    with running(*options) as (_, said):
        log_in(said["data center us"])
        wait_until_saved(file)
    with running(*options):
        assert run("refresh", ALICE).exit_code == 0


def wait_until_saved(file: Path) -> None:
    for _ in range(100):
        text = file.read_text()
        if text and json.loads(text)["grants"]:
            return
        time.sleep(0.1)
    pytest.fail("it was not saved")


def test_two_sandboxes_do_not_share_a_state(run: Command, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with running(*FREE, "--state", str(file)):
        result = run("sandbox", *FREE, "--state", str(file))
    assert result.exit_code == 2
    assert f"another sandbox uses --state {file}" in result.stderr


@pytest.mark.parametrize(("options", "last"), [((), "error="), (("--no-limits",), "code=")])
def test_limits_can_be_lifted(home: Path, options: tuple[str, ...], last: str) -> None:
    with running(*FREE, *options) as (_, said), httpx2.Client(trust_env=False) as browser:
        asked = (
            f"{said['data center us']}/oauth/v2/auth?response_type=code&client_id="
            f"{said['client id']}&redirect_uri=http://127.0.0.1/callback&scope=ZohoCRM.modules.ALL"
        )
        backs = [consent(browser, asked).headers["Location"] for _ in range(11)]
    assert last in backs[-1]
    assert all("code=" in back for back in backs[:10])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--client", ":secret"), "--client takes ID or ID:SECRET"),
        (("--client", "my app"), "--client takes ID or ID:SECRET"),
        (("--user", "dora"), "--user 'dora' is not EMAIL or EMAIL:DATA_CENTER"),
        (("--user", "d@e.x:mars"), "data center 'mars' is not one of us, eu"),
        (("--service", "desc"), "--service: no service 'desc': use one of crm, "),
        (("--state", "/dev/null"), "--state /dev/null cannot be used: it is not a regular file"),
        (("--state", "/"), "--state / cannot be used: it is a folder"),
        (("--data", "/no/such/file"), "--data /no/such/file: No such file or directory"),
    ],
)
def test_what_cannot_be_is_refused(run: Command, options: tuple[str, ...], why: str) -> None:
    result = run("sandbox", "--port", "0", *options)
    assert result.exit_code == 2
    assert why in result.stderr


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "is not JSON"),
        ("[1]", "has another form than"),
        ('{"desk": [1]}', "has another form than"),
        ('{"desk": {"tickets": {"id": 1}}}', "has another form than"),
        ('{"desk": {"ticket": []}}', "desk has no list 'ticket' in the sandbox: it has tickets"),
        ('{"crm": {"Leads": [{}]}}', "Leads[0].Last_Name: MANDATORY_NOT_FOUND"),
    ],
)
def test_records_that_cannot_be_are_refused(
    run: Command, tmp_path: Path, content: str, why: str
) -> None:
    data = tmp_path / "data.json"
    data.write_text(content)
    result = run("sandbox", "--port", "0", "--data", str(data))
    assert result.exit_code == 2
    assert why in result.stderr


def test_a_file_with_something_else_is_no_state_and_stays(run: Command, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("my notes")
    result = run("sandbox", "--port", "0", "--state", str(file))
    assert result.exit_code == 2
    assert "incomplete or damaged" in result.stderr
    assert file.read_text() == "my notes"


def test_its_address_shows_a_page_with_buttons(home: Path) -> None:
    with running(*FREE) as (_, said), httpx2.Client(trust_env=False) as browser:
        page = browser.get(said["in a browser"])
        assert said["client id"] in page.text
        key = re.findall('name="key" value="([^"]+)"', page.text)[0]
        form = {"key": key, "do": "advance", "seconds": "3600"}
        there = browser.post(f"{said['in a browser']}_sandbox/page", data=form)
        assert (there.status_code, there.headers["Location"]) == (303, "/")
        clock = browser.get(f"{said['data center us']}/_sandbox/clock").json()["now"]
    assert 3_590_000 < clock - time.time() * 1000 < 3_610_000
