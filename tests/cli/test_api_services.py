"""``evergrant api`` for any service: what is called, page by page, filtered, with typed fields."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support.cli.runner import ALICE, BOB, Command, LogIn

LEADS = "/crm/v8/Leads"


@pytest.fixture(autouse=True)
def alice(logged_in: LogIn) -> None:
    logged_in(ALICE)


@pytest.fixture
def leads(run: Command) -> list[str]:
    names = [f"Doe {number:03}" for number in range(250)]
    for start in range(0, len(names), 100):
        records = [{"Last_Name": name, "Company": "Ex"} for name in names[start : start + 100]]
        body = json.dumps({"data": records}).encode()
        assert run("api", LEADS, "--input", "-", stdin=body).exit_code == 0
    return names


def test_a_path_below_a_service_or_named_with_it_is_the_same_request(
    run: Command, zoho: Sandbox
) -> None:
    for asked in (
        ("crm:/Leads?fields=Last_Name",),
        ("--service", "crm", "/Leads?fields=Last_Name"),
        ("GET", "Zoho CRM:/Leads", "-f", "fields=Last_Name"),
        (f"{LEADS}?fields=Last_Name",),
    ):
        zoho.calls.clear()
        assert run("api", *asked).exit_code == 0, asked
        assert zoho.calls.count(path=LEADS) == 1, asked


def test_every_page_makes_one_list(run: Command, leads: list[str], zoho: Sandbox) -> None:
    zoho.calls.clear()
    result = run("api", "crm:/Leads", "-f", "fields=Last_Name", "--paginate")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert sorted(one["Last_Name"] for one in found) == leads
    assert zoho.calls.count(path=LEADS) == 2
    small = run("api", "crm:/Leads?fields=Last_Name", "-f", "per_page=100", "--paginate")
    assert sorted(one["Last_Name"] for one in json.loads(small.stdout)) == leads


def test_a_page_that_fails_is_printed_and_ends_with_1(run: Command) -> None:
    result = run("api", "crm:/Leads", "--paginate")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["code"] == "REQUIRED_PARAM_MISSING"


@pytest.mark.usefixtures("leads")
def test_a_filter_selects(run: Command) -> None:
    fields = ("-f", "fields=Last_Name", "-f", "per_page=2")
    names = run("api", "GET", "crm:/Leads", *fields, "--jq", ".data[].Last_Name")
    assert len(names.stdout.splitlines()) == 2
    assert all(line.startswith("Doe ") for line in names.stdout.splitlines())
    count = run("api", "crm:/Leads", *fields, "--paginate", "--jq", "length")
    assert count.stdout == "250\n"
    numbers = run("api", "GET", "crm:/Leads", *fields, "-q", ".info.per_page, .info.more_records")
    assert numbers.stdout == "2\ntrue\n"


def test_what_is_wrong_is_told_before_anything_is_sent(run: Command, zoho: Sandbox) -> None:
    zoho.calls.clear()
    for asked, said in (
        (("crm:/Leads", "--jq", ".["), "is not a jq filter"),
        (("crm:/Leads", "--service", "desk"), "the path is for crm, and --service says desk"),
        (("dekc:/tickets",), "no service 'dekc'"),
        (("crm:/Leads", "--org", "7"), "Zoho CRM takes no org"),
        (("POST", "crm:/Leads", "--paginate"), "--paginate goes with GET"),
        (("crm:/Leads", "-F", "a=@no-such-file"), "no-such-file cannot be read"),
    ):
        result = run("api", *asked)
        assert result.exit_code == 2, asked
        assert said in result.stderr, result.stderr
        assert result.stdout == ""
    assert len(zoho.calls) == 0


def test_a_filter_that_does_not_fit_is_told(run: Command) -> None:
    result = run("api", "crm:/org", "--jq", ".org + 1")
    assert result.exit_code == 2
    assert "--jq does not fit the answer" in result.stderr


def test_typed_fields_are_sent_as_what_they_say(
    run: Command, zoho: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("Grüße", encoding="utf-8")
    zoho.add_field("Leads", "Grade", "integer")
    zoho.add_field("Leads", "Ready", "boolean")
    fields = {"Last_Name": "12", "Company": f"@{tmp_path / 'note.txt'}"}
    made = run(
        "api", "POST", "crm:/Leads",
        "-f", f"data[][Last_Name]={fields['Last_Name']}",
        "-F", f"data[][Company]={fields['Company']}",
        "-F", "data[][Grade]=7",
        "-F", "data[][Ready]=true",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    read = run("api", "GET", "crm:/Leads", "-f", "fields=Last_Name,Company,Grade,Ready")
    lead = json.loads(read.stdout)["data"][0]
    assert (lead["Last_Name"], lead["Company"], lead["Grade"], lead["Ready"]) == (
        "12", "Grüße", 7, True,
    )  # fmt: skip


def test_services_are_listed_and_described(run: Command) -> None:
    listed = run("services")
    assert listed.exit_code == 0
    assert "Zoho Books" in listed.stdout
    assert all(len(line) <= 80 for line in run("services", "desk").stdout.splitlines()[:3])
    desk = json.loads(run("services", "desk", "--json").stdout)
    assert desk[0]["address"] == "https://desk.zoho.com/api/v1"
    assert run("services", "dekc").exit_code == 2


def test_orgs_are_listed(run: Command, zoho: Sandbox) -> None:
    org = zoho.user(ALICE).orgs[0]
    assert json.loads(run("orgs", "--json").stdout) == [{"id": org.zgid, "name": org.name}]
    assert org.zgid in run("orgs").stdout
    mail = run("orgs", "--service", "mail")
    assert mail.exit_code == 2
    assert "Zoho Mail has no list of orgs" in mail.stderr


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("evergrant orgs --service in", {"inventory", "invoice"}),
        ("evergrant show ali", {ALICE}),
        ("evergrant api --user a", {ALICE}),
        ("evergrant reg", set()),
        ("evergrant refr", {"refresh"}),
    ],
)
def test_the_shell_completes(typed: str, expected: set[str]) -> None:
    asked = {
        "_EVERGRANT_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    command = Path(sys.executable).with_name("evergrant")
    done = subprocess.run(
        [command], env=os.environ | asked, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert {name.partition(":")[0] for name in done.stdout.split()} == expected


@pytest.fixture
def for_desk(run: Command, zoho: Sandbox) -> None:
    code = zoho.grant_code(BOB, ["Desk.tickets.READ", "Desk.basic.READ", "ZohoBooks.items.READ"])
    done = run("login", "--sandbox", zoho.url, "--self-client", "--user", "bob", stdin=code)
    assert done.exit_code == 0, done.output
    zoho.add_records("desk", "tickets", [{"id": str(number)} for number in range(250)])


@pytest.mark.usefixtures("for_desk")
def test_another_service_is_called_page_by_page_for_an_org(run: Command, zoho: Sandbox) -> None:
    org = zoho.user(BOB).orgs[0].zgid
    assert json.loads(run("orgs", "bob", "-s", "desk", "--json").stdout)[0]["id"] == org
    tickets = run("api", "desk:/tickets", "-u", "bob", "--org", org, "--paginate", "-q", ".[].id")
    assert tickets.stdout.split() == [str(number) for number in range(250)]
    assert zoho.calls[-1].org == org
    other = run("api", "desk:/tickets", "-u", "bob", "--org", "99")
    assert other.exit_code == 1
    assert json.loads(other.stdout)["errorCode"] == "OAUTH_ORG_MISMATCH"


@pytest.mark.usefixtures("for_desk")
def test_an_unclear_refusal_is_explained(run: Command, zoho: Sandbox) -> None:
    zoho.calls.clear()
    result = run("api", "books:/invoices", "-u", "bob")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["code"] == 57
    assert "Zoho Books does not say why." in result.stderr
    assert "evergrant orgs --service books" in result.stderr
    assert zoho.calls.count(grant_type="refresh_token") == 1
    assert run("api", "books:/invoices", "-u", "bob").exit_code == 1
    assert zoho.calls.count(grant_type="refresh_token") == 1
    assert run("token", "bob").exit_code == 0
