"""Small changes to a program's source that a test should notice: one operator each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

__all__ = ["Mutation", "mutations"]


class Mutation(NamedTuple):
    """A piece of source and what stands there instead.

    Args:
        line: Where it begins, counted from 1.
        start: Its first byte in the file.
        end: The byte behind its last.
        new: What is put there.
        operator: What kind of change it is.
    """

    line: int
    start: int
    end: int
    new: str
    operator: str

    def apply(self, source: bytes) -> bytes:
        """Return the source with the change made."""
        return source[: self.start] + self.new.encode() + source[self.end :]


SWAPPED = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
OTHER_END = {"max": "min", "min": "max", "any": "all", "all": "any"}
GUARD = re.compile(r"(?<![a-zA-Z])lock|\.here\(\)|undisturbed|_(making|threads|writing)\b")
"""How the locks of the package are named where they are taken; not what blocks, nor a clock."""

NO_GUARD = "__import__('contextlib').nullcontext()"


def mutations(source: bytes) -> Iterator[Mutation]:
    """Yield every mutation of a module; docstrings and annotations are left alone."""
    module = _Module(source)
    for node in _executed(ast.parse(source)):
        yield from module.changes(node)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run: no annotation, no docstring, nothing only for type checkers."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "type_params"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_text(child) or _is_for_types(child):
                continue
            yield child
            yield from _executed(child)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


class _Module:
    """A module's source, and where its nodes stand in it."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        lines = source.splitlines(keepends=True)
        self._starts = list(accumulate(map(len, lines), initial=0))

    def changes(self, node: ast.AST) -> Iterator[Mutation]:  # noqa: C901 - a table
        """Yield what can be changed in a node itself, not in its children."""
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                yield self._instead(test, f"(not ({self._text(test)}))", "condition negated")
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield self._instead(test, f"(not ({self._text(test)}))", "filter negated")
            case ast.Compare():
                yield from self._compared(node)
            case ast.BoolOp(op=operator, values=[first, second, *_]):
                words = ("and", "or") if isinstance(operator, ast.And) else ("or", "and")
                yield self._between(first, second, *words, "and and or exchanged")
            case ast.Expr(value=ast.Call()):
                yield self._instead(node, "None", "call dropped")
            case ast.withitem(context_expr=guard, optional_vars=None):
                if GUARD.search(self._text(guard)):
                    yield self._instead(guard, NO_GUARD, "lock dropped")
            case ast.Constant(value=int() | float() as value) if type(value) is not bool:
                more = f"({value!r} + 1)" if isinstance(value, int) else f"({value!r} * 2)"
                yield self._instead(node, more, "number shifted")
            case ast.Call(func=ast.Name(id=name) as function) if name in OTHER_END:
                yield self._instead(function, OTHER_END[name], "max and min exchanged")

    def _compared(self, node: ast.Compare) -> Iterator[Mutation]:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            yield self._between(left, right, *SWAPPED[type(operator)], "comparison swapped")
            left = right

    def _instead(self, node: ast.expr | ast.stmt, new: str, operator: str) -> Mutation:
        start, end = self._span(node)
        return Mutation(node.lineno, start, end, new, operator)

    def _between(
        self, left: ast.expr, right: ast.expr, old: str, new: str, operator: str
    ) -> Mutation:
        start, end = self._span(left)[1], self._span(right)[0]
        between = self._source[start:end]
        found = re.search(rf"(?<!\w){re.escape(old)}(?!\w)".encode(), between)
        if found is None:
            raise ValueError(f"no {old!r} in {between!r}")
        line = (left.end_lineno or left.lineno) + between[: found.start()].count(b"\n")
        return Mutation(line, start + found.start(), start + found.end(), new, operator)

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[end_line - 1] + end_column

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()
