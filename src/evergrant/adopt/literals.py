"""Tokens and clients that are written into Python programs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from evergrant.adopt.fields import ZOHO_TOKEN
from evergrant.token import Secret

__all__ = ["literal_tokens", "literal_values"]


def literal_tokens(text: str) -> Iterator[int]:
    """Yield the numbers of the lines that hold a token of Zoho's form."""
    for number, line in enumerate(text.splitlines(), 1):
        if ZOHO_TOKEN.search(line):
            yield number


def literal_values(module: ast.Module) -> dict[str, str]:
    """Return the texts that a program gives to names, which may be tokens and clients."""
    values: dict[str, str] = {}
    for node in ast.walk(module):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        for name, value in pairs:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                word = getattr(name, "id", None) or getattr(name, "attr", None)
                word = word or getattr(name, "value", None)
                if isinstance(word, str):
                    values.setdefault(word, Secret(value.value))
    return values
