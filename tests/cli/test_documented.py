"""What the documents tell people to type works, in the order they tell it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer

from evergrant.cli.app import app
from evergrant.sandbox import Sandbox
from tests.support.cli.runner import Command
from tests.support.stores.sqlite_store import SeedStore, seed_token
from tests.support.web.fake_browser import Browser

ROOT = Path(__file__).parents[2]
RUN_ELSEWHERE = {"demo", "sandbox", "--help"}
"""They have tests of their own, in processes of their own."""

NOBODY_TO_ASK = {"revoke": ["--yes"], "doctor": ["--offline"]}
"""What is added in a test, which has no terminal, and no Zoho."""


def typed(document: str) -> list[list[str]]:
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^\$ evergrant ([^#\n]*)", "".join(blocks), re.MULTILINE)
    return [shlex.split(line) for line in lines]


def exported(document: str) -> dict[str, str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    lines = re.findall(r"^\$ export (.*)$", text, re.MULTILINE)
    return dict(pair.split("=", 1) for line in lines for pair in shlex.split(line))


@pytest.fixture
def moved_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a newcomer comes with: databases of Zoho's sample, and a token in variables."""
    monkeypatch.chdir(tmp_path)
    for name, who in (("zohooauth.db", "alice"), ("old.db", "bob")):
        SeedStore(name).save_token(seed_token(who))
    monkeypatch.setenv("OLD_STORE", "sqlite:///old.db")
    monkeypatch.setenv("ZOHO_REFRESH_TOKEN", "planted-refresh")


@pytest.mark.usefixtures("moved_from")
@pytest.mark.parametrize(
    ("document", "least"), [("README.md", 5), ("docs/cli.md", 4), ("docs/moving.md", 8)]
)
def test_every_command_in_a_document_runs(
    run: Command,
    zoho: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    document: str,
    least: int,
) -> None:
    browser = Browser(zoho)
    monkeypatch.setattr("webbrowser.open", browser.open)
    monkeypatch.setattr("evergrant.cli.options.SANDBOX_PORT", urlsplit(zoho.url).port)
    for name, value in exported(document).items():
        monkeypatch.setenv(name, zoho.url if name == "EVERGRANT_SANDBOX" else value)
    commands = typed(document)
    assert len(commands) >= least
    for words in commands:
        if words[0] not in RUN_ELSEWHERE:
            result = run(*words, *NOBODY_TO_ASK.get(words[0], []))
            assert result.exit_code == 0, (words, result.output)
    if document != "docs/moving.md":
        browser.thread.join()


def options(command: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for name, below in getattr(command, "commands", {}).items():
        yield from options(below, f"{path} {name}".strip())
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--"):
                yield path, option


def test_every_command_and_option_is_in_the_documents() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    found = list(options(typer.main.get_command(app)))
    assert len(found) > 40
    missing = [one for one in found if not re.search(rf"{one[1]}\b", text)]
    assert missing == []
