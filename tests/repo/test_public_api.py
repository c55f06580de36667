"""The public API is what docs/api.md lists: no more, no less, and none of it marked private."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import evergrant
from tools.venvs import ROOT

API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
MODULES = re.findall(r"^## (evergrant[a-z_.]*)$", API, re.MULTILINE)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def listed(module: str) -> set[str]:
    part = API[API.index(f"## {module}\n") :].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))


def test_modules_are_listed_once() -> None:
    assert len(MODULES) > 10
    assert len(set(MODULES)) == len(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_what_is_listed_is_what_a_module_offers(module: str) -> None:
    assert not [part for part in module.split(".") if part.startswith("_")]
    offered = set(import_module(module).__all__)
    names = listed(module)
    assert names
    if module == "evergrant.observing.audit_log":  # the rest serves the command line
        assert names <= offered
    else:
        assert names == offered


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_dotted_name_in_the_docs_is_there_and_is_public(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for name in re.findall(r"\bevergrant(?:\.[A-Za-z_][A-Za-z_0-9]*)+", text):
        first, *rest = name.split(".")[1:]
        is_there = hasattr(evergrant, first) or find_spec(f"evergrant.{first}")
        assert is_there or f"evergrant.{first}" in EVENT_NAMES, name
        assert not [part for part in (first, *rest) if part.startswith("_")], name


EVENT_NAMES = frozenset(
    f"evergrant.{name}"
    for name in (
        "events", "listeners", "logins", "refresh", "refreshes", "revocations", "save",
        "service", "store", "throttles", "view_token", "delete_token",
    )
)  # fmt: skip
"""Names of metrics, attributes and permissions, which look like modules."""
