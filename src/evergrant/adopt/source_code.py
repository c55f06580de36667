"""Finds where a Python program gets access tokens."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from evergrant.adopt.fields import field_name

__all__ = ["Getter", "find_getters", "parse_source"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef

TOKEN_ADDRESS = "oauth/v2/token"  # noqa: S105 - the path of the accounts servers
"""Where access tokens come from; a program that asks there refreshes them itself."""


_COMMON_METHODS = frozenset(
    {"get", "json", "load", "loads", "post", "read", "request", "save", "send", "update"}
)
"""Methods of dicts, responses and files; a function of the program may have the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Getter:
    """A place where a program gets a fresh access token.

    Attributes:
        kind: It ``returns`` the token, returns Zoho's ``answer``, or ``sets`` variables. Or it
            is a ``script``: statements of the module itself.
        first: The statement to write before; for a script, the first to replace.
        last: For a script, the last statement to replace; else the last of the function.
        top: The statement of the module that it is in.
        targets: What it sets, in source code.
        is_async: It is a coroutine.
        name: The function's name.
    """

    kind: Literal["returns", "answer", "sets", "script"]
    first: ast.stmt
    last: ast.stmt
    top: ast.stmt
    targets: tuple[str, ...] = ()
    is_async: bool = False
    name: str = ""


def parse_source(text: str) -> ast.Module | None:
    """Return the syntax tree of a program, or None if it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the program, which is not ours
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def find_getters(module: ast.Module) -> list[Getter]:
    """Return the places where a program gets access tokens of Zoho's, in their order."""
    scopes = _Functions(module)
    if not scopes.asking and not any(map(_asks, module.body)):
        return []
    getters = [
        scopes.getter(one, "returns" if _returns_token(one) else "answer")
        for one in scopes.outermost()
    ]
    if not getters:
        getters = [
            scopes.getter(one, "sets", targets)
            for one in scopes.asking
            if (targets := tuple(_token_targets(one)))
        ]
    script = _script(module)
    return sorted([*getters, *([script] if script else [])], key=lambda one: one.first.lineno)


class _Functions:
    """The functions of a module, and which of them ask Zoho for a token."""

    def __init__(self, module: ast.Module) -> None:
        self._top: dict[Definition, ast.stmt] = {
            node: top
            for top in module.body
            for node in ast.walk(top)
            if isinstance(node, Definition)
        }
        addresses = _names_of_addresses(module)
        self.asking = [one for one in self._top if _asks(one, addresses)]
        self._calls = {one: _called_names(one) for one in self._top}

    def getter(
        self,
        function: Definition,
        kind: Literal["returns", "answer", "sets"],
        targets: tuple[str, ...] = (),
    ) -> Getter:
        return Getter(
            kind=kind,
            first=_first_statement(function),
            last=function.body[-1],
            top=self._top[function],
            targets=targets,
            is_async=isinstance(function, ast.AsyncFunctionDef),
            name=function.name,
        )

    def outermost(self) -> list[Definition]:
        """Return the functions that return a token, and are not called by another of them."""
        reaching = set(self.asking)
        while more := {
            one
            for one in self._top
            if one not in reaching and self._calls[one] & {other.name for other in reaching}
        }:
            reaching |= more
        getters = [one for one in self._top if one in reaching and _returns_token(one)]
        getters = getters or [one for one in self.asking if _returns_answer(one)]
        return [
            one
            for one in getters
            if not any(one.name in self._calls[other] and other is not one for other in getters)
        ]


def _names_of_addresses(module: ast.Module) -> set[str]:
    """Return the constants that hold the address for tokens, such as TOKEN_URL."""
    return {
        target.id
        for statement in module.body
        if isinstance(statement, ast.Assign) and _holds_text(statement.value, TOKEN_ADDRESS)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _holds_text(node: ast.AST, text: str) -> bool:
    return any(
        isinstance(one, ast.Constant) and isinstance(one.value, str) and text in one.value
        for one in ast.walk(node)
    )


def _asks(node: ast.AST, addresses: Collection[str] = ()) -> bool:
    """Return True if code sends a refresh itself, not only through a function that it defines."""
    if isinstance(node, ast.ClassDef):
        return False
    if any(map(_is_refresh, ast.walk(node))):
        return True
    if _holds_text(node, "authorization_code"):  # a login, which stays
        return False
    names_address = any(isinstance(one, ast.Name) and one.id in addresses for one in ast.walk(node))
    return names_address or _holds_text(node, TOKEN_ADDRESS)


def _is_refresh(node: ast.AST) -> bool:
    if isinstance(node, ast.Dict):
        return any(
            _is_text(key, "grant_type") and _is_text(value, "refresh_token")
            for key, value in zip(node.keys, node.values, strict=True)
        )
    if isinstance(node, ast.keyword):
        return node.arg == "grant_type" and _is_text(node.value, "refresh_token")
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and "grant_type=refresh_token" in node.value
    )


def _is_text(node: ast.AST | None, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text


def _called_names(function: Definition) -> set[str]:
    """Return the names of what a function calls or reads, such as methods and properties."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(node.func.id)
        elif isinstance(node, ast.Attribute):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if is_own or node.attr not in _COMMON_METHODS:
                found.add(node.attr)
    return found


def _own_returns(function: Definition) -> Iterator[ast.expr]:
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
        if not isinstance(node, Definition | ast.Lambda | ast.ClassDef):
            pending += ast.iter_child_nodes(node)


def _returns_token(function: Definition) -> bool:
    returned = list(_own_returns(function))
    names_one = re.search(r"token", function.name) is not None
    return any(_is_access_token(one) for one in returned) or (
        names_one and any(isinstance(one, ast.Name) and one.id == "token" for one in returned)
    )


def _is_access_token(node: ast.expr) -> bool:
    if isinstance(node, ast.Await):
        return _is_access_token(node.value)
    if isinstance(node, ast.Subscript):
        return _is_token_key(node.slice)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "get" and bool(node.args) and _is_token_key(node.args[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):  # str(…["access_token"])
        return node.func.id == "str" and bool(node.args) and _is_access_token(node.args[0])
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return _names_token(name)


def _is_token_key(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and _names_token(node.value)
    )


def _names_token(name: str) -> bool:
    bare = name.strip("_").lower()
    return field_name(name.strip("_")) == "access_token" or bare in {
        "token", "_token", "cached_token", "zoho_token", "access", "zoho_access_token",
    }  # fmt: skip


def _returns_answer(function: Definition) -> bool:
    for one in _own_returns(function):
        if isinstance(one, ast.Call) and getattr(one.func, "attr", "") == "json":
            return True
        if isinstance(one, ast.Call) and getattr(one.func, "attr", "") in {"load", "loads"}:
            return True
        if isinstance(one, ast.Name) and one.id in {"data", "tokens", "payload", "answer", "body"}:
            return True
    return False


def _token_targets(function: Definition) -> Iterator[str]:
    """Yield what a function assigns the access token to, beyond its own variables."""
    shared = {
        name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and _is_access_token(node.value):
            for target in node.targets:
                if isinstance(target, ast.Attribute | ast.Subscript) or (
                    isinstance(target, ast.Name) and target.id in shared
                ):
                    yield ast.unparse(target)


def _first_statement(function: Definition) -> ast.stmt:
    """Return the first statement after the docstring and the declarations of globals."""
    for statement in function.body:
        is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (is_docstring or isinstance(statement, ast.Global | ast.Nonlocal)):
            return statement
    return function.body[-1]


def _script(module: ast.Module) -> Getter | None:
    """Return the statements of the module itself, from the request to the token, or None."""
    addresses = _names_of_addresses(module)
    first = next(
        (
            one
            for one in module.body
            if isinstance(one, ast.Assign | ast.Expr | ast.AnnAssign)
            and isinstance(one.value, ast.Call)
            and _asks(one.value, addresses)
        ),
        None,
    )
    if first is None:
        return None
    at = module.body.index(first)
    for statement in module.body[at:]:
        if isinstance(statement, ast.Assign) and _is_access_token(statement.value):
            target = ast.unparse(statement.targets[0])
            return Getter(kind="script", first=first, last=statement, top=first, targets=(target,))
    return None
