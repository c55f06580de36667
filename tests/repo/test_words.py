"""What people read is plain English: no riddles of the patterns below, and one word for one act."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tools.venvs import ROOT

BETTER = {
    r"\b(of|for|to|by|from|with|than) (who|whoever)\b": "name the person or program",
    r"\bNone: (it|there|nobody|he|they|none|any|never)\b": "or None if …",
    r"\bSay whether\b": "Return True if …",
    r"\bthere (is|are) none\b|\bis none of\b": "there is no …",
    r"\bas far as\b": "if, or what",
    r"\banew\b": "again, or new",
    r"\baboard\b": "restored",
    r"\brenew(s|ed|al|als|er|ers|ing|able)?\b": "refresh",
    r"\bso (many|much)\b(?! (as|that))": "give the number",
    r"\bnobody waits for it who\b": "a caller never waits for",
    r"\bwho asks\b": "the caller",
}
"""Patterns that stop a reader, each with what to write in its place."""

IN_CODE = BETTER | {
    r"\b([Nn]obody|[Ss]omebody|[Ww]hoever)\b": "no caller, another process, an attacker, …",
}
"""In code it matters who: a caller, a thread, a process, a host, a user, an attacker."""

ALLOWED = {
    "so much as": "an idiom for 'even'",
    "nobody has deleted": "said of a row that was lost: no person and no program",
    "nobody had deleted": "the same",
    "nobody logs in": "the demo speaks of people",
    "nobody acts": "said to people whose program acts for no user",
}

PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md")


class Riddle(NamedTuple):
    """A phrase to mend, and where it stands."""

    place: str
    phrase: str
    better: str


def riddles(place: str, text: str, patterns: dict[str, str] = BETTER) -> Iterator[Riddle]:
    for pattern, better in patterns.items():
        for found in re.finditer(pattern, text):
            around = text[found.start() : found.end() + 12]
            if not any(around.lower().startswith(idiom) for idiom in ALLOWED):
                line = text.count("\n", 0, found.start()) + 1
                yield Riddle(f"{place}:{line}", found.group(), better)


def prose_of(source: str) -> str:
    """The docstrings, comments and messages of a program, each on its own line."""
    lines = [""] * (source.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0]] = token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for number, line in enumerate(node.value.split("\n"), node.lineno):
                if number < len(lines):
                    lines[number] += f" {line}"
    return "\n".join(lines[1:])


def test_pages_are_plain() -> None:
    pages = [page for pattern in PAGES for page in sorted(ROOT.glob(pattern))]
    assert len(pages) > 10
    found = [
        one
        for page in pages
        for one in riddles(page.name, re.sub(r"`test_[^`]*`", "", page.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_what_the_code_says_is_plain() -> None:
    package = ROOT / "src" / "evergrant"
    found = [
        one
        for file in sorted(package.rglob("*.py"))
        for one in riddles(
            file.relative_to(package).as_posix(),
            prose_of(file.read_text(encoding="utf-8")),
            IN_CODE,
        )
    ]
    assert found == []


@pytest.mark.parametrize(
    "riddle",
    [
        '"""The error of who asks; None: it is not."""',
        "# for whoever needs it longer",
        'x = "there is none"',
        '"""Renews the token anew, as far as it goes."""',
    ],
)
def test_a_riddle_is_found(riddle: str) -> None:
    assert list(riddles("here", prose_of(f"{riddle}\n")))


def test_plain_words_are_no_riddle() -> None:
    assert not list(riddles("here", prose_of('"""Return True if a token is valid."""\n')))


def test_a_place_is_a_line() -> None:
    (found,) = riddles("here", prose_of("x = 1\n\n# there is none\n"))
    assert found.place == "here:3"


def test_contributing_names_modules_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = text[text.index("## Where things are") : text.index("## Taste")]
    named = set(re.findall(r"`(?!src/)((?:_?[a-z]+/)+[a-z_0-9]+(?:\.py)?)`", text))
    assert len(named) > 40
    package = ROOT / "src" / "evergrant"
    places = [(ROOT if name.startswith("tests") else package) / name for name in sorted(named)]
    missing = [one for one in places if not (one.exists() or one.with_suffix(".py").exists())]
    assert missing == []


def test_the_map_has_every_part_of_the_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = text[text.index("## Where things are") : text.index("## To change something")]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    parts = {one.stem for one in (ROOT / "src" / "evergrant").iterdir()}
    left = parts - {"__init__", "__main__", "__pycache__", "py"}
    assert sorted(left - set(re.findall(r"`(\w+)`", " ".join(rows)))) == []
