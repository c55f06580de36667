"""What the documents say of a Secret's text: who takes it, and who would send eight asterisks."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import psycopg
import pytest
from pymysql import converters

from evergrant import Secret

ROOT = Path(__file__).parents[2]
TOKEN = Secret("1000.planted")
MASK = "********"


def test_a_secret_without_reveal_is_sent_as_a_mask() -> None:
    sent = [
        f"Zoho-oauthtoken {TOKEN}",
        "Zoho-oauthtoken %s" % TOKEN,  # noqa: UP031 - as people write it
        urlencode({"token": TOKEN}).replace("%2A", "*"),
        str(httpx2.URL("https://x", params={"token": TOKEN})).replace("%2A", "*"),
        httpx2.Request("POST", "https://x", data={"token": TOKEN})
        .read()
        .decode()
        .replace("%2A", "*"),
        converters.escape_item(TOKEN, "utf8mb4", converters.encoders),
    ]
    for text in sent:
        assert MASK in text
        assert "planted" not in text


def test_a_secret_is_stored_whole_by_those_that_the_documents_name() -> None:
    with sqlite3.connect(":memory:") as database:
        assert database.execute("SELECT ?", (TOKEN,)).fetchone() == ("1000.planted",)
    database.close()
    assert psycopg.adapt.Transformer().as_literal(TOKEN) == b"'1000.planted'"
    assert json.dumps([TOKEN]) == '["1000.planted"]'
    assert TOKEN.reveal() == "1000.planted"


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        *(f"docs/{n}.md" for n in ("async", "frameworks", "official-sdk", "protection", "stores")),
    ],
)
def test_each_page_where_a_tokens_text_is_used_says_reveal(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert ".reveal()" in text
    assert "eight asterisks" in text
