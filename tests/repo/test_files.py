from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written so that this file does not match itself.
OF_ONE_MACHINE = re.compile(
    r"pyp[i]\.org|pythonhoste[d]\.org|npmj[s]\.org|index-ur[l]|find-link[s]|trusted-hos[t]"
    r"|(?<![\w.])/(?:wor[k]|roo[t]|tmp/ven[v])/"
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def files() -> Iterator[Path]:
    """Every file that belongs to the project, without asking git, which may not be there."""
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name == ".ci" or not _is_made(name)]
        yield from (Path(folder, name) for name in names)


def _is_made(folder: str) -> bool:
    return folder.startswith((".", "__pycache__")) or folder in {"dist", "resources"}


def documents() -> list[Path]:
    return [file for file in files() if file.suffix == ".md"]


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def test_nothing_names_a_registry_or_a_place_on_somebodys_machine() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in files()
        for match in OF_ONE_MACHINE.finditer(file.read_text(errors="ignore"))
    ]
    assert not found


def test_every_link_between_documents_leads_somewhere() -> None:
    dead = []
    for document in documents():
        for link in LINK.findall(FENCED.sub("", document.read_text())):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = document.parent / name if name else document
            if not target.exists() or (anchor and anchor not in anchors(target)):
                dead.append(f"{document.relative_to(ROOT)}: {link}")
    assert not dead


def test_the_walk_reaches_the_files_it_is_about() -> None:
    seen = {str(file.relative_to(ROOT)) for file in files()}
    assert {".ci/run", "README.md", "constraints.txt", "src/evergrant/token.py"} <= seen


@pytest.mark.parametrize("name", ["dev", ".ci/run"])
def test_the_scripts_can_be_run(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
