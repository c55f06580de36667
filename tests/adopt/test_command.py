"""`evergrant adopt` and `evergrant import FILE`: who owns a grant, and what Zoho says of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evergrant.sandbox import Sandbox
from evergrant.stores import open_store
from evergrant.token import Token
from tests.adopt.grants import LogIn, plain, refreshes, stored, write
from tests.support.cli.runner import Command, on_a_terminal
from tests.support.security.visible_output import shown

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def adopt(run: Command, zoho: Sandbox, project: Path, *more: str) -> list[dict[str, Any]]:
    result = run("adopt", str(project), "--import", "--json", f"--sandbox={zoho.url}", *more)
    found: list[dict[str, Any]] = json.loads(result.stdout)["found"]
    assert result.exit_code == (1 if any(one["user"] is None for one in found) else 0)
    return found


def test_zoho_is_asked_whose_a_grant_is_and_the_source_stays(
    tmp_path: Path, project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    token = log_in()
    write(project / "zoho.json", token, api_domain=token.api_domain)
    before = (project / "zoho.json").read_bytes()
    [found] = adopt(run, zoho, project)
    assert found["outcome"] == "imported"
    assert found["user"].startswith("alice@example.com:")
    assert stored(tmp_path)[found["user"]].refresh_token == token.refresh_token
    assert len(refreshes(zoho)) == 1
    [again] = adopt(run, zoho, project)
    assert again["outcome"] == "already in the store"
    assert len(refreshes(zoho)) == 1
    assert (project / "zoho.json").read_bytes() == before


def test_a_grant_of_an_unknown_data_center_is_looked_for(
    tmp_path: Path, project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    token = log_in("carol@example.eu")
    write(project / "zoho.json", token)
    [found] = adopt(run, zoho, project)
    assert found["user"].startswith("carol@example.eu:")
    assert refreshes(zoho) == ["us", "eu"]
    home = zoho.data_centers.by_code("eu").api_url
    assert [one.api_domain for one in stored(tmp_path).values()] == [home]


def test_the_data_center_that_is_named_is_asked_first(
    project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    write(project / "zoho.json", log_in("carol@example.eu"))
    adopt(run, zoho, project, "--data-center", "eu")
    assert refreshes(zoho) == ["eu"]


@pytest.mark.parametrize("wrong", ["data center", "client", "revoked"])
def test_what_zoho_refuses_is_not_imported(
    tmp_path: Path, project: Path, run: Command, zoho: Sandbox, log_in: LogIn, wrong: str
) -> None:
    token = log_in("carol@example.eu")
    other = zoho.add_client()
    more: dict[str, object] = {"dc": "us" if wrong == "data center" else "eu"}
    if wrong == "client":
        more |= {"client_id": other.client_id, "client_secret": other.client_secret}
    if wrong == "revoked":
        more["refresh_token"] = f"1000.{'a' * 32}.{'b' * 32}"
    write(project / "zoho.json", token, **more)
    [found] = adopt(run, zoho, project)
    assert (found["user"], found["outcome"]) == (None, "not imported")
    assert "revoked, or of another client or data center" in found["note"]
    assert len(refreshes(zoho)) == 1
    assert stored(tmp_path) == {}


def test_a_grant_that_does_not_say_whose_it_is_keeps_a_name_from_its_file(
    tmp_path: Path, project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    for name, scope in (("zoho desk", "Desk.tickets.READ"), ("zoho\nbooks", "ZohoBooks.x.READ")):
        write(project / f"{name}.json", log_in("alice@example.com", scope))
    books, desk = adopt(run, zoho, project)
    assert (books["user"], desk["user"]) == ("zoho-books", "zoho-desk")
    assert "kept as zoho-desk" in desk["note"]
    assert stored(tmp_path).keys() == {"zoho-books", "zoho-desk"}


def test_a_second_grant_of_one_user_does_not_replace_the_first(
    tmp_path: Path, project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    tokens = {}
    for name, scope in (
        ("zoho_books", "ZohoBooks.invoices.READ"),
        ("zoho_desk", "Desk.basic.READ"),
    ):
        tokens[name] = log_in("alice@example.com", f"{scope},AaaServer.profile.READ")
        write(project / f"{name}.json", tokens[name], dc="us")
    books, desk = adopt(run, zoho, project)
    assert (books["user"], desk["user"]) == ("alice@example.com", "zoho_desk")
    assert "alice@example.com has another grant" in desk["note"]
    kept = {token.refresh_token for token in stored(tmp_path).values()}
    assert kept == {token.refresh_token for token in tokens.values()}


def test_a_throttled_grant_is_kept_and_told(
    tmp_path: Path, project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    token = log_in()
    write(project / "zoho.json", token, dc="us")
    zoho.faults.throttle()
    [found] = adopt(run, zoho, project)
    assert found["user"] == "zoho"
    assert stored(tmp_path)["zoho"].refresh_token == token.refresh_token


def test_without_a_refresh_token_there_is_nothing_to_import(
    project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    access = log_in().access_token or ""
    (project / "zoho.json").write_text(json.dumps({"access_token": str.__str__(access)}))
    result = run("adopt", str(project), "--import", f"--sandbox={zoho.url}")
    assert result.exit_code == 0
    assert "no refresh token" in result.stdout
    assert refreshes(zoho) == []


def test_the_change_names_the_user_where_there_are_several(
    project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    for name in ("alice", "bob"):
        write(project / f"zoho_{name}.json", log_in(f"{name}@example.com"), dc="us")
        (project / f"{name}.py").write_text(
            f'import requests\n\nFILE = "zoho_{name}.json"\n\n\ndef token():\n'
            '    data = requests.post("https://accounts.zoho.com/oauth/v2/token").json()\n'
            '    return data["access_token"]\n'
        )
    result = run("adopt", str(project), "--import", f"--sandbox={zoho.url}")
    assert "+    return keeper.access_token('alice@example.com:" in result.stdout
    assert "+    return keeper.access_token('bob@example.com:" in result.stdout
    assert "EVERGRANT_STORE=sqlite:///" in result.stderr


def test_the_change_names_the_user_where_the_store_holds_another(
    tmp_path: Path, project: Path, run: Command, zoho: Sandbox, log_in: LogIn
) -> None:
    with open_store(f"sqlite:///{tmp_path}/other.db") as store:
        store.save_token(Token(user_name="other", client_id="1000.C", refresh_token="r"))
    secret = plain(log_in().refresh_token)
    (project / ".env").write_text(
        f"ZOHO_REFRESH_TOKEN={secret}\nZOHO_CLIENT_ID={zoho.client.client_id}\n"
        f"ZOHO_CLIENT_SECRET={zoho.client.client_secret}\n"
    )
    (project / "app.py").write_text(
        "import requests, os\n\n\ndef token():\n    r = requests.post('oauth/v2/token', data="
        "os.environ['ZOHO_REFRESH_TOKEN'])\n    return r.json()['access_token']\n"
    )
    url = f"sqlite:///{tmp_path}/other.db"
    result = run("adopt", str(project), "--import", f"--store={url}", f"--sandbox={zoho.url}")
    assert "+    return keeper.access_token('alice@example.com:" in result.stdout
    assert f"EVERGRANT_STORE={url}" in result.stderr


def test_the_table_fits_eighty_columns(
    project: Path, run: Command, zoho: Sandbox, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (project / "config" / "production").mkdir(parents=True)
    write(project / "config" / "production" / "zoho_books_tokens.json", log_in())
    screen, code = on_a_terminal("adopt", str(project), f"--sandbox={zoho.url}")
    assert code == 0
    table = STYLE.sub("", screen).partition("nothing was changed")[0]
    assert max(map(len, table.splitlines())) <= 80


def test_nothing_found_is_told(project: Path, run: Command) -> None:
    result = run("adopt", str(project))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no Zoho tokens were found\n"


def test_a_folder_that_is_not_there(project: Path, run: Command) -> None:
    result = run("adopt", str(project / "none"))
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_no_secret_is_printed(project: Path, run: Command, zoho: Sandbox, log_in: LogIn) -> None:
    token = log_in()
    write(project / "zoho.json", token)
    secret = plain(token.refresh_token)
    (project / "app.py").write_text(f'TOKEN = "{secret}"  # for zoho: oauth/v2/token\n')
    for more in ((), ("--import",), ("--import", "--json")):
        result = run("adopt", str(project), *more, f"--sandbox={zoho.url}")
        assert "app.py:1: a token stands in the source code" in result.stderr
        for one in (token.refresh_token, token.client_secret, token.access_token):
            assert plain(one) not in result.output


@pytest.mark.parametrize("place", ["adopt.folder.merge", "cli.adopt_owners._identified"])
def test_a_bug_leaves_no_secret_in_a_traceback(
    project: Path,
    run: Command,
    zoho: Sandbox,
    log_in: LogIn,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    token = log_in()
    write(project / "zoho.json", token, dc="us")

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(f"evergrant.{place}", fail)
    with pytest.raises(RuntimeError) as caught:
        run("adopt", str(project), "--import", f"--sandbox={zoho.url}")
    told = "".join(shown(caught.value))
    for one in (token.refresh_token, token.client_secret):
        assert plain(one) not in told
