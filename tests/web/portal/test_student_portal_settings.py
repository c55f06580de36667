"""What the student portal makes of its environment, and that it runs as its README says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.web.portal import ROOT, sdk_python

README = ROOT / "examples" / "student_portal" / "README.md"
SHOW_KEY = """
from student_portal.settings import Settings
print(Settings.from_environment().cookie_key.reveal())
"""


def settings(home: Path, **given: str) -> subprocess.CompletedProcess[str]:
    path = {"PYTHONPATH": str(ROOT / "examples"), "PORTAL_HOME": str(home)}
    return subprocess.run(
        [sdk_python(), "-c", SHOW_KEY],
        env={**os.environ, **path, **given},
        capture_output=True,
        text=True,
        check=False,
    )


def test_workers_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = {run.stdout for run in pool.map(settings, [tmp_path / "home"] * 4)}
    assert len(keys) == 1
    assert len(keys.pop().strip()) == 64
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["cookie.key"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"PORTAL_KEY": "short"}, "PORTAL_KEY is shorter than 32 characters"),
        ({"PORTAL_URL": "https://example.com/portal"}, "It is http(s)://host[:port]."),
        ({"ZOHO_CLIENT_ID": "1000.X"}, "ZOHO_CLIENT_ID is set, but not ZOHO_CLIENT_SECRET"),
    ],
)
def test_a_wrong_setting_is_refused_at_the_start(
    tmp_path: Path, given: dict[str, str], complaint: str
) -> None:
    run = settings(tmp_path, **given)
    assert run.returncode != 0
    assert complaint in run.stderr


def test_the_readme_names_every_setting() -> None:
    source = README.with_name("settings.py").read_text()
    assert set(re.findall(r"`([A-Z_]+)`", README.read_text())) == set(
        re.findall(r'given\.get\("([A-Z_]+)"', source)
    )


@contextmanager
def running(command: list[str], announces: str, **environment: str) -> Iterator[str]:
    """Run a server at a free port until it has said where; yield that, and end it."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout
            said = "".join(iter_until(process.stdout, announces))
            found = re.search(announces, said)
            assert found, said
            yield found[1]
        finally:
            process.kill()


def iter_until(lines: Iterable[str], pattern: str) -> Iterator[str]:
    for line in lines:
        yield line
        if re.search(pattern, line):
            return


def test_the_readmes_commands_bring_it_up(tmp_path: Path) -> None:
    """At free ports, and without installing: the environment of the tests has done that."""
    text = README.read_text()
    assert "$ evergrant sandbox &" in text
    (run,) = re.findall(r"^\$ flask (--app \S+ run)  +#", text, re.MULTILINE)
    sandbox = [sys.executable, "-m", "evergrant", "sandbox", "--port=0"]
    flask = [sdk_python(), "-m", "flask", *run.split(), "--port=0"]
    with (
        running(sandbox, r"data center us: (\S+)") as zoho,
        running(flask, r"Running on (\S+)", PORTAL_SANDBOX=zoho, PORTAL_HOME=str(tmp_path)) as url,
    ):
        home = {"Host": "127.0.0.1:5000"}  # where the README says that it is
        assert home["Host"] in text
        page = httpx2.get(f"{url}/login", headers=home, trust_env=False, timeout=60)
        assert page.headers["location"].startswith(f"{zoho}/oauth/v2/auth?")
        assert "127.0.0.1%3A5000%2Fcallback" in page.headers["location"]
