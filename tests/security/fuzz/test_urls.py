"""Any URL opens a store, or is one of our errors; nothing outside of its place is touched."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evergrant.stores import open_store
from tests.support.example_counts import rounds
from tests.support.security.fuzzing import SECRET, or_refused, texts

CLOSED = "127.0.0.1:1"
"""Where no server listens; no URL here has another host."""

schemes = st.sampled_from(
    ["memory", "list", "file", "sqlite", "FILE", "SQLite", "redis", "", "http", "sqlite+x", "1"]
)
slashes = st.sampled_from(["", ":", ":/", "://", ":///", ":////", "://localhost/", "://host/"])
names = st.sampled_from(
    ["table", "timeout", "Table", "mode", "password", "sslmode", "charset", "connect_timeout", "x"]
)
values = st.one_of(texts, st.sampled_from(["1", "0.5", "nan", "-1", "oauthtoken", "evergrant_x"]))
queries = st.lists(st.tuples(names, values), max_size=3).map(
    lambda pairs: "&".join(f"{name}={quote(value, errors='replace')}" for name, value in pairs)
)
parts = st.sampled_from([".", "a.db", "a b.csv", "%2e", "%00", "%ff", "é", "x" * 300, ":memory:"])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder beside which nothing may appear."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def check(here: Path, url: str, *, is_shown: bool = False) -> None:
    def use() -> None:
        with open_store(url) as store:
            assert store.get_tokens() == []
            assert SECRET not in f"{store!r} {store.url}" or is_shown

    beside = list(here.parent.iterdir())
    or_refused(use, may_show=is_shown)
    assert list(here.parent.iterdir()) == beside


@rounds(80)
@given(scheme=schemes, slash=slashes, path=st.lists(parts, max_size=3), query=queries)
@example("sqlite", ":///", ["a.db"], "timeout=1e999")
@example("sqlite", ":///", ["a.db"], "table=%00")
@example("sqlite", ":///", ["a.db"], f"timeout={SECRET}")
@example("sqlite", ":///", ["a.db"], "timeout=" + "9" * 300)
@example("file", ":///", ["x" * 300], "")
def test_near_a_valid_one(here: Path, scheme: str, slash: str, path: list[str], query: str) -> None:
    place = f"{quote(str(here))}/" if slash in (":////", ":/", "://localhost/") else ""
    if scheme.lower() == "file":
        place = f"{quote(str(here))[1:]}/"
    where = f"{place.removeprefix('/') if slash != '' else place}{'/'.join(path)}"
    check(here, f"{scheme}{slash}{where}{query and '?'}{query}")


@rounds(60)
@given(
    scheme=st.sampled_from(
        [
            "mysql",
            "mariadb+pymysql",
            "postgres",
            "postgresql+psycopg",
            "mysql+x",
            "postgresql+asyncpg",
        ]
    ),
    user=st.sampled_from(["", "user@", f"user:{SECRET}@", f":{SECRET}@", "us%zzer@", "a:b:c@"]),
    host=st.sampled_from([CLOSED, "127.0.0.1:0", "127.0.0.1:x", "127.0.0.1:99999", "[::1]:1"]),
    database=st.sampled_from(["/d", "", "/", "/d%00", "/a/b", "/é", f"/{'d' * 300}"]),
    query=queries,
)
@example("postgresql", "", CLOSED, "/d", "connect_timeout=x")
@example("mysql", "", CLOSED, "/d", "connect_timeout=x")
@example("mysql", "", CLOSED, "/d", f"password={SECRET}&charset=none")
@example("postgresql", "", CLOSED, "/d", f"passwd={SECRET}&sslmode=none")
@example("mysql", "", CLOSED, "/d", "port=5&host=127.0.0.1")
def test_a_database_that_is_not_there(
    here: Path, scheme: str, user: str, host: str, database: str, query: str
) -> None:
    is_shown = SECRET in query.replace(f"password={SECRET}", "").replace(f"passwd={SECRET}", "")
    check(here, f"{scheme}://{user}{host}{database}{query and '?'}{query}", is_shown=is_shown)


@rounds(60)
@given(st.text(alphabet=st.sampled_from("sqlite:/?&=%0f.m\0\n é@#[]1\ud800"), max_size=25))
@example("sqlite:///\ud800")
@example("file:/[\n")
@example("mysql://[")
@example("")
def test_any_text(here: Path, text: str) -> None:
    for url in (text, f"memory:{text}", f"mysql:{text}", f"postgresql:{text}"):
        if not ("//" in url and "sql" in url.lower() and "sqlite" not in url.lower()):
            or_refused(lambda url=url: open_store(url, read_only=True).close())  # type: ignore[misc]
    assert list(here.iterdir()) == []
