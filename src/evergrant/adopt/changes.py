"""The lines of a Python program to change, as a unified diff. No file is ever edited.

The diff is as small as it can be: it adds lines and takes away only what would send a request of
its own. What is then unused stays, so that the change is read, tried and taken back in a minute.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from evergrant.adopt.fields import ZOHO_TOKEN
from evergrant.adopt.sdk_stores import SDKStore, find_sdk_stores
from evergrant.adopt.source_code import Getter, find_getters, parse_source

__all__ = ["Change", "suggest_change"]

LIFETIME_S = 60
"""What a program is told of a token's lifetime that reckons with it: it asks again soon, and
that costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one file.

    Attributes:
        diff: The unified diff, or "" where none can be suggested.
        unused: The lines of the file, as text, that the change makes useless: "12-30".
        by_hand: Where a person has to change something, in words, or "".
        user: The user whose token the changed program asks for; None for the only one.
    """

    diff: str
    unused: tuple[str, ...] = ()
    by_hand: str = ""
    user: str | None = None


def suggest_change(text: str, name: str, user: str | None = None) -> Change | None:
    """Return what to change in a program that gets Zoho's tokens itself, or None if it does not.

    Args:
        text: The program.
        name: The file's name, for the diff.
        user: The user whose token it should ask for; None for the only one.
    """
    module = parse_source(text)
    if module is None or "zoho" not in text.lower() or "evergrant" in text:
        return None
    getters, stores = find_getters(module), list(find_sdk_stores(module))
    usable = [one for one in stores if one.replacement]
    if getters or usable:
        edits = _Edits(text, module, getters, usable, user)
        return Change(diff=edits.diff(name), unused=edits.unused, user=user)
    if stores:
        line = stores[0].call.lineno
        what = "makes a store of Zoho's SDK: write token_store(URL) there (docs/official-sdk.md)"
        return Change(diff="", by_hand=f"{name}:{line} {what}")
    place = re.search(r"oauth/v2/token|grant_type", text)
    if place is None:
        return None
    line = text.count("\n", 0, place.start()) + 1
    what = "asks Zoho for a token: write keeper.access_token() there"
    return Change(diff="", by_hand=f"{name}:{line} {what}")


class _Edits:
    """Lines to insert before, and lines to leave out, by their numbers from 0."""

    def __init__(
        self,
        text: str,
        module: ast.Module,
        getters: Sequence[Getter],
        stores: Sequence[SDKStore],
        user: str | None,
    ) -> None:
        self._lines = text.splitlines(keepends=True)
        self._end = "\r\n" if self._lines and self._lines[0].endswith("\r\n") else "\n"
        self._inserted: dict[int, list[str]] = {}
        self._dropped: set[int] = set()
        self._keeper = "keeper" if not re.search(r"\bkeeper\b", text) else "zoho_keeper"
        self._call = f"{self._keeper}.access_token({repr(user) if user else ''})"
        self.unused: tuple[str, ...] = ()
        if stores:
            self._insert(_last_import(module), "from evergrant.zohocrmsdk import token_store")
        for store in stores:
            self._replace(store)
        if getters:
            self._add_keeper(module, getters)
        for getter in getters:
            self._change(getter)

    def diff(self, name: str) -> str:
        """Return the unified diff."""
        changed: list[str] = []
        for number, line in enumerate([*self._lines, ""]):
            changed += self._inserted.get(number, ())
            if line and number not in self._dropped:
                changed.append(line)
        for context in (3, 2, 1, 0):
            lines = list(
                difflib.unified_diff(self._lines, changed, f"a/{name}", f"b/{name}", n=context)
            )
            # The lines around a change may hold a secret, which must not be printed.
            if not any(map(_SECRET.search, lines)):
                break
        return "".join(map(_diff_line, lines))

    def _add_keeper(self, module: ast.Module, getters: Sequence[Getter]) -> None:
        imports = ["from evergrant import Keeper"]
        if any(one.is_async for one in getters) and not _imports(module, "asyncio"):
            imports.insert(0, "import asyncio")
        after = _last_import(module)
        self._insert(after, *imports)
        made = f"{self._keeper} = Keeper.from_env()"
        top = getters[0].top
        if getters[0].kind == "script":
            self._insert(_begin(top), made)
            return
        # Below what the program does at its start, such as reading an environment file.
        body = module.body[: module.body.index(top)]
        before = next((one for one in reversed(body) if not isinstance(one, _DEFINITIONS)), None)
        if before is None:
            self._insert(after, "", made)
        elif isinstance(before, ast.Import | ast.ImportFrom) or _is_docstring(before):
            self._insert(before.end_lineno or 0, "", made)
        else:
            self._insert(before.end_lineno or 0, made)

    def _change(self, getter: Getter) -> None:
        at = _begin(getter.first)
        indent = self._lines[at][: getter.first.col_offset]
        call = f"await asyncio.to_thread({self._as_arguments()})" if getter.is_async else self._call
        last = getter.last.end_lineno or getter.last.lineno
        if getter.kind == "script":
            self._dropped |= set(range(at, last))
            self._insert(at, f"{getter.targets[0]} = {call}")
            return
        if getter.kind == "returns":
            self._insert(at, f"{indent}return {call}")
        elif getter.kind == "answer":
            answer = f'{{"access_token": {call}, "expires_in": {LIFETIME_S}}}'
            self._insert(at, f"{indent}return {answer}")
        else:
            self._insert(at, f"{indent}{' = '.join(getter.targets)} = {call}", f"{indent}return")
        first = getter.first.lineno
        self.unused += (f"{first}-{last}" if last > first else str(first),)

    def _replace(self, store: SDKStore) -> None:
        at = store.call.lineno - 1
        line = self._lines[at].encode()  # the tree counts bytes
        begin, end = store.call.col_offset, store.call.end_col_offset or len(line)
        new = line[:begin] + (store.replacement or "").encode() + line[end:]
        self._dropped.add(at)
        self._insert(at, new.decode().rstrip("\r\n"))

    def _as_arguments(self) -> str:
        name, _, arguments = self._call.partition("(")
        user = arguments.rstrip(")")
        return f"{name}, {user}" if user else name

    def _insert(self, at: int, *lines: str) -> None:
        new = [f"{line}{self._end}" for line in lines]
        if at == len(self._lines) and self._lines and not self._lines[-1].endswith("\n"):
            self._lines[-1] += self._end
        self._inserted.setdefault(at, []).extend(new)


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

_SECRET = re.compile(
    rf"""{ZOHO_TOKEN.pattern}|(secret|token|password)\w*["']?\s*[:=]\s*["'][0-9a-f.]{{16,}}["']""",
    re.IGNORECASE,
)


def _diff_line(line: str) -> str:
    line = _SECRET.sub("********", line)  # only in a line that is taken away
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _begin(statement: ast.stmt) -> int:
    """Return the line of a statement, with its decorators, counted from 0."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(one.lineno for one in decorators)]) - 1


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _imports(module: ast.Module, name: str) -> bool:
    return any(
        isinstance(one, ast.Import) and any(alias.name == name for alias in one.names)
        for one in module.body
    )


def _last_import(module: ast.Module) -> int:
    """Return the line after the imports that the module begins with, counted from 0."""
    end = 0
    for statement in module.body:
        if isinstance(statement, ast.Import | ast.ImportFrom) or _is_docstring(statement):
            end = statement.end_lineno or end
        else:
            break
    return end
