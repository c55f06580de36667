"""Docstrings name only what exists: arguments, attributes, and what stands in single backticks."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tools.venvs import ROOT

SRC = ROOT / "src"

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

ENTRY = re.compile(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*): ", re.MULTILINE)
"""What an Args or Attributes section explains: a name, or several."""

REFERENCE = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)`(?!`)")

ELSEWHERE = frozenset({"asyncio", "cryptography", "dataclasses"})
"""Modules of others, whose names docstrings may mention."""


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(SRC.rglob("*.py"))}


def documented(tree: ast.Module) -> Iterator[tuple[Definition, str]]:
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS) and (text := ast.get_docstring(node)):
            yield node, text


def section(text: str, title: str) -> list[str]:
    """Return the names that a section of a docstring explains."""
    found = re.search(rf"^{title}:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
    entries = ENTRY.findall(found[1]) if found else []
    return [name.lstrip("*") for entry in entries for name in entry.split(", ")]


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {inner.arg for inner in ast.walk(node.args) if isinstance(inner, ast.arg)}


@cache
def classes() -> dict[str, list[ast.ClassDef]]:
    found: dict[str, list[ast.ClassDef]] = {}
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


def attributes(node: ast.ClassDef) -> set[str]:
    """Return the arguments and attributes of a class and of its bases in this project."""
    found = set[str]()
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            found |= {inner.name}
            found |= parameters(inner) if inner.name in {"__init__", "__new__"} else set()
    found |= set(assigned(node))
    for base in node.bases:
        name = ast.unparse(base).partition("[")[0].rpartition(".")[2]
        found |= set(dir(getattr(builtins, name, None)))
        for parent in classes().get(name, []):
            if parent is not node:
                found |= attributes(parent)
    return found


def assigned(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


@cache
def defined(path: Path) -> frozenset[str]:
    """Return every name that a module defines or imports."""
    tree = trees()[path]
    found = {*assigned(tree), *path.relative_to(SRC).with_suffix("").parts}
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found |= {*node.name.split("."), node.asname or node.name}
    return frozenset(found)


def exists(name: str, path: Path) -> bool:
    """Return True if a name is known: a constant here, an attribute in its class, else anywhere."""
    first, *rest = name.strip(".").split(".")
    if first in ELSEWHERE:
        return True
    if first.isupper() and not rest:
        return first in defined(path)
    if kinds := classes().get(first) if len(rest) == 1 else None:
        return any(rest[0] in attributes(kind) for kind in kinds)
    return all(part in everywhere() or hasattr(builtins, part) for part in (first, *rest))


@cache
def everywhere() -> frozenset[str]:
    return frozenset[str]().union(*map(defined, trees()))


def test_what_a_docstring_says_of_arguments_is_true() -> None:
    wrong = []
    for path, tree in trees().items():
        for node, text in documented(tree):
            known = attributes(node) if isinstance(node, ast.ClassDef) else parameters(node)
            wrong += [
                f"{path.relative_to(SRC)}:{node.lineno} {node.name}: {name}"
                for title in ("Args", "Attributes")
                for name in section(text, title)
                if name not in known
            ]
    assert wrong == []


def test_what_stands_in_single_backticks_exists() -> None:
    wrong = []
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                text = str(node.value.value)
                wrong += [
                    f"{path.relative_to(SRC)}:{node.lineno} {name}"
                    for name in REFERENCE.findall(text)
                    if not exists(name, path)
                ]
    assert wrong == []
