"""What to change in a program: small, right, and without a secret in it."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from evergrant.adopt import suggest_change
from tests.adopt.program import PROGRAMS

REFRESH = f"1000.{'a' * 32}.{'b' * 32}"

HEAD = 'import requests\n\nURL = "https://accounts.zoho.com/oauth/v2/token"\n'
POST = 'requests.post(URL, data={"grant_type": "refresh_token"})'


def changed(text: str, tmp_path: Path, user: str | None = None) -> str:
    """Return a program with the suggested change, as `patch` applies it."""
    change = suggest_change(text, "app.py", user)
    assert change is not None
    (tmp_path / "app.py").write_text(text, newline="")
    subprocess.run(
        ["patch", "-p1", "--binary"], cwd=tmp_path, input=change.diff.encode(), check=True
    )
    result = (tmp_path / "app.py").read_bytes().decode()
    ast.parse(result)
    return result


@pytest.fixture(autouse=True)
def _patch_is_there() -> None:
    assert shutil.which("patch"), "the tests of diffs need the program patch"


def test_a_script_sends_no_request_of_its_own(tmp_path: Path) -> None:
    text = (
        f'{HEAD}answer = {POST}\nanswer.raise_for_status()\ntoken = answer.json()["access_token"]\n'
    )
    assert changed(text + "print(token)\n", tmp_path) == (
        'import requests\nfrom evergrant import Keeper\n\nURL = "https://accounts.zoho.com/oauth/v2'
        '/token"\nkeeper = Keeper.from_env()\ntoken = keeper.access_token()\nprint(token)\n'
    )


def test_a_setter_sets(tmp_path: Path) -> None:
    text = (
        f"{HEAD}token = None\n\n\ndef renew():\n    global token\n"
        f'    token = {POST}.json()["access_token"]\n'
    )
    result = changed(text, tmp_path)
    assert "    global token\n    token = keeper.access_token()\n    return\n" in result


def test_of_several_grants_the_user_is_named(tmp_path: Path) -> None:
    text = f'{HEAD}def get_token():\n    return {POST}.json()["access_token"]\n'
    result = changed(text, tmp_path, "al'ice@example.com:1")
    assert 'return keeper.access_token("al\'ice@example.com:1")' in result


def test_an_async_function_does_not_block_its_loop(tmp_path: Path) -> None:
    text = (
        f"{HEAD}async def get_token(client):\n"
        f'    return (await client.post(URL, data={{"grant_type": "refresh_token"}})).json()'
        '["access_token"]\n'
    )
    result = changed(text, tmp_path, "alice")
    assert "import asyncio\nfrom evergrant import Keeper\n" in result
    assert "    return await asyncio.to_thread(keeper.access_token, 'alice')\n" in result


def test_a_name_that_is_taken_is_not_taken_again(tmp_path: Path) -> None:
    text = f'{HEAD}keeper = "me"\n\n\ndef token():\n    return {POST}.json()["access_token"]\n'
    assert "zoho_keeper = Keeper.from_env()" in changed(text, tmp_path)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_stay(tmp_path: Path, end: str) -> None:
    text = f'{HEAD}def token():\n    return {POST}.json()["access_token"]'
    result = changed(text.replace("\n", end), tmp_path)
    assert result.count(end) == result.count("\n")


def test_only_the_outermost_function_is_changed(tmp_path: Path) -> None:
    text = (
        f'{HEAD}def refresh():\n    return {POST}.json()["access_token"]\n\n\n'
        "def get_token():\n    token = refresh()\n    return token\n\n\n"
        'def headers():\n    return {"Authorization": "Zoho-oauthtoken " + get_token()}\n'
    )
    assert changed(text, tmp_path).count("keeper.access_token()") == 1


def test_a_method_of_a_dict_is_not_the_programs_own(tmp_path: Path) -> None:
    text = (
        f"{HEAD}class Client:\n    def get(self, path):\n        return go(self.token())\n\n"
        f'    def token(self):\n        return {POST}.json()["access_token"]\n\n\n'
        'def of_another_service(data):\n    return data.get("access_token")\n'
    )
    result = changed(text, tmp_path)
    assert result.count("keeper.access_token()") == 1
    assert "    def token(self):\n        return keeper.access_token()\n" in result


def test_a_property_is_a_getter(tmp_path: Path) -> None:
    text = (
        f"{HEAD}class Client:\n    @property\n    def access_token(self):\n"
        "        if self.is_old:\n            self._renew()\n        return self._access_token\n\n"
        f'    def _renew(self):\n        self._access_token = {POST}.json()["access_token"]\n'
    )
    result = changed(text, tmp_path)
    assert "    def access_token(self):\n        return keeper.access_token()\n" in result
    assert result.count("keeper.access_token()") == 1


def test_a_login_stays(tmp_path: Path) -> None:
    text = (
        f"{HEAD}def log_in(code):\n"
        '    answer = requests.post(URL, data={"grant_type": "authorization_code", "code": code})\n'
        '    return answer.json()["access_token"]\n'
    )
    change = suggest_change(text, "app.py")
    assert change is None or change.diff == ""


def test_secrets_beside_a_change_are_not_in_the_diff() -> None:
    text = (
        'import requests\nURL = "https://accounts.zoho.com/oauth/v2/token"\n'
        f'REFRESH = "{REFRESH}"\n'
        'client_secret = "0123456789abcdef0123456789abcdef01"\n\n\n'
        f'def token():\n    return {POST}.json()["access_token"]\n'
    )
    change = suggest_change(text, "app.py")
    assert change is not None
    assert "+keeper = Keeper.from_env()" in change.diff
    assert REFRESH not in change.diff
    assert "0123456789abcdef" not in change.diff


def test_a_secret_that_is_taken_away_is_masked() -> None:
    text = (
        "import requests\n"
        f'r = requests.post("https://accounts.zoho.com/oauth/v2/token?refresh_token={REFRESH}")\n'
        'token = r.json()["access_token"]\n'
    )
    change = suggest_change(text, "app.py")
    assert change is not None
    assert "+token = keeper.access_token()" in change.diff
    assert REFRESH not in change.diff


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def",
        "x = '\0'",
        "print('zoho')",
        "import evergrant  # zoho oauth/v2/token",
        "(" * 9_000,
    ],
)
def test_what_needs_no_change(text: str) -> None:
    assert suggest_change(text, "app.py") is None


def test_what_cannot_be_told_is_left_to_a_person() -> None:
    text = f"{HEAD}class A:\n    def go(self):\n        self.use({POST})\n"
    change = suggest_change(text, "app.py")
    assert change is not None
    assert (change.diff, change.by_hand[:9]) == ("", "app.py:3 ")


@pytest.mark.parametrize(
    ("store", "replaced"),
    [
        ('FileStore(file_path="/srv/tokens.txt")', 'token_store("file:///srv/tokens.txt")'),
        ("FileStore('/srv/tokens.txt')", 'token_store("file:///srv/tokens.txt")'),
        ("CustomStoreSQLite()", 'token_store("sqlite:///zohooauth.db")'),
    ],
)
def test_a_program_with_zohos_sdk_changes_its_store(
    tmp_path: Path, store: str, replaced: str
) -> None:
    text = (
        "from zohocrmsdk.src.com.zoho.crm.api import Initializer\n\n"
        f"Initializer.initialize(environment=e, token=t, store={store})\n"
    )
    result = changed(text, tmp_path)
    assert f"store={replaced})\n" in result
    assert "from evergrant.zohocrmsdk import token_store\n" in result


def test_a_store_of_the_sdk_with_settings_is_left_to_a_person() -> None:
    text = "from zohocrmsdk.src import Initializer\n\nstore = DBStore(host='db', user_name='u')\n"
    change = suggest_change(text, "app.py")
    assert change is not None
    assert change.diff == ""
    assert "app.py:3" in change.by_hand


def test_each_of_the_ten_programs_has_one_change() -> None:
    for folder in PROGRAMS.iterdir():
        diffs = [
            change.diff
            for path in folder.rglob("*.py")
            if (change := suggest_change(path.read_text(), path.name))
        ]
        assert len(diffs) == 1, folder
