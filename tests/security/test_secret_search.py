"""The search for secrets can fail: it finds what is planted, wherever it hides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from evergrant.sandbox import Client, Sandbox
from tests.support.security.visible_output import shown

Traces = Callable[[str | bytes], list[str]]


def test_the_search_finds_what_is_hidden(traces: Traces, planted: Sandbox, app: Client) -> None:
    code = planted.grant_code("alice@example.com", client=app)
    basic = httpx2.BasicAuth(app.client_id, app.client_secret)._auth_header
    for text in (code, code[8:24], app.client_secret, basic, code.encode().hex(), code.upper()):
        assert traces(f"x{text}x"), text
        assert traces(text.encode())
    assert traces("nothing of the kind, not even Y2F or 6361") == []


def test_the_watch_looks_into_the_locals_of_every_frame(traces: Traces) -> None:
    namespace: dict[str, Any] = {}
    source = "def leaky():\n    code = 'songbird'\n    raise KeyError('x')"
    exec(compile(source, "elsewhere.py", "exec"), namespace)  # noqa: S102 - a frame of no test
    with pytest.raises(KeyError) as caught:
        namespace["leaky"]()
    assert [trace for text in shown(caught.value) for trace in traces(text)]
