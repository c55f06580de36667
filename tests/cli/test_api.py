"""``evergrant api``: what is sent, to whom, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, BOB, Command, LogIn, a_token, on_a_terminal

LEADS = "/crm/v8/Leads"
LEAD = ("-f", "data[][Last_Name]=Doe", "-f", "data[][Company]=Ex")


@pytest.fixture
def alice(logged_in: LogIn) -> None:
    logged_in(ALICE)


@pytest.mark.usefixtures("alice")
class TestOneUser:
    def test_fields_make_a_post_and_a_get_reads_it_back(self, run: Command) -> None:
        created = run("api", LEADS, *LEAD)
        assert created.exit_code == 0, created.stderr
        assert json.loads(created.stdout)["data"][0]["code"] == "SUCCESS"
        read = run("api", f"{LEADS}?fields=Last_Name")
        assert json.loads(read.stdout)["data"][0]["Last_Name"] == "Doe"
        assert read.stderr == ""

    def test_fields_of_a_get_are_query_parameters(self, run: Command) -> None:
        run("api", LEADS, *LEAD)
        read = run("api", "get", f"{LEADS}?per_page=1", "-f", "fields=Last_Name,Company")
        record = json.loads(read.stdout)
        assert record["data"][0]["Company"] == "Ex"
        assert record["info"]["per_page"] == 1

    def test_fields_of_a_delete_are_query_parameters(self, run: Command) -> None:
        id_ = json.loads(run("api", LEADS, *LEAD).stdout)["data"][0]["details"]["id"]
        deleted = run("api", "DELETE", LEADS, "-f", f"ids={id_}")
        assert json.loads(deleted.stdout)["data"][0]["message"] == "record deleted"

    def test_a_body_comes_from_stdin_or_a_file(self, run: Command, tmp_path: Path) -> None:
        body = b'{"data":[{"Last_Name":"\xc3\x9cnal","Company":"Ex"}]}'
        assert run("api", LEADS, "--input", "-", stdin=body).exit_code == 0
        (tmp_path / "body.json").write_bytes(body)
        assert run("api", "POST", LEADS, "--input", str(tmp_path / "body.json")).exit_code == 0
        read = json.loads(run("api", f"{LEADS}?fields=Last_Name").stdout)
        assert [record["Last_Name"] for record in read["data"]] == ["Ünal"] * 2

    def test_fields_beside_a_body_are_query_parameters(self, run: Command, zoho: Sandbox) -> None:
        body = b'{"select_query":"select Last_Name from Leads where Last_Name is not null"}'
        result = run("api", "/crm/v8/coql", "--input", "-", "-f", "a=1", stdin=body)
        assert result.exit_code == 0, result.output
        assert result.stdout == ""  # 204: nothing found, and nothing invented

    def test_a_pipe_gets_the_bytes_as_they_came(self, run: Command) -> None:
        run(
            "api", LEADS, "--input", "-", stdin=b'{"data":[{"Last_Name":"\xc3\x9c","Company":"E"}]}'
        )
        read = run.process("api", f"{LEADS}?fields=Last_Name")
        assert read.returncode == 0
        assert b'"Last_Name": "\xc3\x9c"' in read.stdout or b'"Last_Name":"\xc3\x9c"' in read.stdout
        assert b"\n" not in read.stdout
        assert b"\x1b" not in read.stdout

    def test_an_error_answer_is_printed_and_ends_with_1(self, run: Command) -> None:
        result = run("api", LEADS)
        assert result.exit_code == 1
        assert json.loads(result.stdout)["code"] == "REQUIRED_PARAM_MISSING"
        assert "HTTP 400" in result.stderr

    def test_status_and_headers_are_included_on_request(self, run: Command) -> None:
        result = run("api", "-i", f"{LEADS}?fields=Last_Name")
        assert result.stdout.startswith("HTTP/1.1 204")
        assert "\nserver: ZGS\n" in result.stdout

    def test_headers_are_sent(self, run: Command) -> None:
        run("api", LEADS, *LEAD)
        since = "If-Modified-Since: 2999-01-01T00:00:00+00:00"
        result = run("api", "-i", f"{LEADS}?fields=Last_Name", "-H", since)
        assert result.stdout.startswith("HTTP/1.1 304")

    def test_a_body_is_called_json_unless_a_header_says_otherwise(
        self, run: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str | None] = []
        send = httpx2.Client.send

        def watch(client: httpx2.Client, request: httpx2.Request, **more: Any) -> httpx2.Response:
            if request.url.path == LEADS:
                sent.append(request.headers.get("content-type"))
            return send(client, request, **more)

        monkeypatch.setattr(httpx2.Client, "send", watch)
        run("api", LEADS, *LEAD)
        run("api", LEADS, *LEAD, "-H", "content-type: text/plain")
        run("api", f"{LEADS}?fields=Last_Name")
        assert sent == ["application/json", "text/plain", None]

    def test_a_token_that_zoho_rejects_early_is_refreshed_on_the_spot(
        self, run: Command, zoho: Sandbox
    ) -> None:
        zoho.expire_access_tokens(ALICE)
        assert run("api", f"{LEADS}?fields=Last_Name").exit_code == 0
        assert zoho.calls.count(grant_type="refresh_token") == 1

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/crm/v8/Leads",
            "http://127.0.0.1:1/crm/v8/Leads",
            "https://www.zohoapis.com/crm/v8/Leads",
            "http://user@127.0.0.1/",
            "https://",
        ],
    )
    def test_the_token_is_not_sent_anywhere_else(self, run: Command, url: str) -> None:
        result = run("api", url)
        assert result.exit_code in (2, 7)
        assert result.stdout == ""

    @pytest.mark.parametrize(
        "path", ["crm/v8/Leads?fields=Last_Name", "/crm/v8/Leads?fields=https://evil.example/"]
    )
    def test_a_path_stays_a_path(self, run: Command, zoho: Sandbox, path: str) -> None:
        run("api", path)
        assert zoho.calls.count(path=LEADS) == 1

    def test_its_own_address_is_accepted_in_full(self, run: Command, zoho: Sandbox) -> None:
        assert run("api", f"{zoho.url}{LEADS}?fields=Last_Name").exit_code == 0

    def test_a_server_that_hangs_up_may_answer_later(self, run: Command, zoho: Sandbox) -> None:
        zoho.faults.refuse(times=None, path=LEADS)
        result = run("api", f"{LEADS}?fields=Last_Name")
        assert result.exit_code == 5
        assert "no answer from 127.0.0.1" in result.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            ("FETCH", LEADS),
            ("GET", LEADS, "more"),
            (LEADS, "-f", "novalue"),
            (LEADS, "-H", "novalue"),
            (LEADS, "-H", "Authorization: Zoho-oauthtoken x"),
            (LEADS, "-H", "X: a\r\nY: b"),
            (LEADS, "-H", "X: ü"),
            (LEADS, "-H", "X Y: z"),
            (LEADS, "-H", ": z"),
            (LEADS, "--input", "/nowhere/body.json"),
            ("/\x00",),
            (),
        ],
    )
    def test_a_malformed_call_is_a_usage_error(
        self, run: Command, zoho: Sandbox, arguments: tuple[str, ...]
    ) -> None:
        before = len(zoho.calls)
        result = run("api", *arguments)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert len(zoho.calls) == before

    def test_a_terminal_gets_it_pretty_and_coloured(self, run: Command) -> None:
        run("api", LEADS, *LEAD)
        shown, code = on_a_terminal("api", f"{LEADS}?fields=Last_Name")
        assert code == 0
        assert '"Last_Name"' in shown
        assert "\x1b[" in shown
        assert shown.count("\n") > 5


def test_nobody_logged_in_is_said_so(run: Command) -> None:
    result = run("api", LEADS)
    assert result.exit_code == 3
    assert "evergrant login" in result.stderr


def test_of_several_users_one_must_be_named(run: Command, zoho: Sandbox, logged_in: LogIn) -> None:
    logged_in(ALICE, BOB)
    result = run("api", f"{LEADS}?fields=Last_Name")
    assert result.exit_code == 3
    assert ALICE in result.stderr
    assert BOB in result.stderr
    assert run("api", f"{LEADS}?fields=Last_Name", "--user", BOB).exit_code == 0
    assert zoho.calls.count(path=LEADS, user=BOB) == 1


def test_a_token_with_a_strangers_api_domain_is_not_used(run: Command, store: TokenStore) -> None:
    store.save_token(a_token(api_domain="https://www.zohoapis.com.evil.example"))
    result = run("api", LEADS)
    assert result.exit_code == 7
    assert "not an API server of Zoho" in result.stderr
