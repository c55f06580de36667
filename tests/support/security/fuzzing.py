"""What random tests of whatever comes from outside share: bad input, and what may come of it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from evergrant.errors import EvergrantError

__all__ = ["SECRET", "json_texts", "json_values", "mutated", "or_refused", "texts"]

SECRET = f"1000.{'planted5ecret' * 5}.{'0f8a1ice' * 4}"
"""As long as Zoho's."""

T = TypeVar("T")

texts = st.one_of(st.just(SECRET), st.text(max_size=20))
"""Any text, lone surrogates too, and often a secret."""

_numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -(10**30), 2**63, 2**63 - 1, float("nan"), float("inf")]),
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), _numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)

DEEP = 100_000


@st.composite
def json_texts(draw: st.DrawFn, *keys: str) -> bytes:
    """Return what may come in the place of a JSON object with these keys."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=40))
    if kind == 1:
        opening, closing = draw(st.sampled_from([(b"[", b"]"), (b'{"a":', b"}"), (b"[", b"")]))
        return opening * DEEP + b"1" + closing * DEEP
    if kind == 2:
        return b'{"%s": %s}' % (keys[0].encode(), b"9" * 5_000)
    fields = draw(st.dictionaries(st.sampled_from(keys), json_values, max_size=len(keys)))
    text = json.dumps(fields, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    return draw(mutated(text)) if kind == 3 else text


@st.composite
def mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """Return bytes that were damaged in up to four places, or are another encoding's."""
    if draw(st.integers(0, 9)) == 0:
        encoding = draw(st.sampled_from(["utf-16", "utf-8-sig", "utf-32", "cp037"]))
        return content.decode("latin-1").encode(encoding, errors="replace")
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        size = draw(st.sampled_from([0, 1, 2, 20]))
        new = draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"\x85", b"\xff", b"x" * 9_000]),
            )
        )
        content = content[:at] + new + content[at + size :]
    return content


def or_refused(call: Callable[[], T], *, may_show: bool = False) -> T | None:
    """Return what a call answers; None if it raises one of our errors, which shows no secret.

    Args:
        may_show: The secret stood where nobody expects one, such as in a parameter's name.
    """
    try:
        return call()
    except EvergrantError as error:
        seen = "".join(traceback.format_exception(error))
        for link in _chain(error):
            seen += f"{link} {link!r} {link.args}"
        assert may_show or SECRET not in seen
    return None


def _chain(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain
