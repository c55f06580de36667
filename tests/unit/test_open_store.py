"""A store is opened by its URL, and what is not one is refused with the way to write it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evergrant import open_store
from evergrant.errors import ConfigError, StoreUnavailable
from evergrant.stores import default_store_url
from evergrant.stores.file import FileStore
from evergrant.stores.list import ListStore
from evergrant.stores.memory import MemoryStore
from evergrant.stores.sqlite import SQLiteStore
from evergrant.token import Token

TOKEN = Token(user_name="alice", access_token="planted-access")


def files(folder: Path) -> list[str]:
    return [str(file.relative_to(folder)) for file in sorted(folder.rglob("*")) if file.is_file()]


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        ("memory:", MemoryStore, "memory:"),
        ("MEMORY://", MemoryStore, "memory:"),
        ("list:", ListStore, "list:"),
        ("sqlite://", SQLiteStore, "sqlite:///:memory:"),
        ("sqlite:///", SQLiteStore, "sqlite:///:memory:"),
        ("sqlite:///:memory:", SQLiteStore, "sqlite:///:memory:"),
        ("SQLite:///:memory:?table=t", SQLiteStore, "sqlite:///:memory:?table=t"),
    ],
)
def test_a_store_in_memory(url: str, kind: type, shown: str, tmp_path: Path) -> None:
    with open_store(url) as store:
        assert type(store) is kind
        store.save_token(TOKEN)
        assert len(store.get_tokens()) == 1
        assert store.url == shown
        assert repr(store) == f"<{kind.__name__} {shown}>"
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///tokens.db", "tokens.db"),
        ("sqlite:///a/b/tokens.db", "a/b/tokens.db"),
        ("sqlite:///{}/absolute.db", "absolute.db"),
        ("sqlite:///my%20tokens%3F.db", "my tokens?.db"),
        ("sqlite:///100%25.db?table=t&timeout=1.5", "100%.db"),
        ("sqlite:///a#b.db", "a#b.db"),
        ("sqlite:///a@b:c.db", "a@b:c.db"),
    ],
)
def test_a_sqlite_file_three_slashes_relative_four_absolute(
    url: str, file: str, tmp_path: Path
) -> None:
    with open_store(url.format(tmp_path)) as store:
        store.save_token(TOKEN)
        assert store.url.startswith(f"sqlite:///{tmp_path}/")
        with open_store(store.url) as again:
            assert again.url == store.url
            assert again.find_token(TOKEN) is not None
    assert files(tmp_path) == [file]


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("file://{}/tokens.csv", "tokens.csv"),
        ("file:{}/tokens.csv", "tokens.csv"),
        ("FILE://LocalHost{}/a/b/tokens.csv", "a/b/tokens.csv"),
        ("file://{}/my%20tokens%3F%25.csv", "my tokens?%.csv"),
        ("file://{}/a@b:c#d+e.csv", "a@b:c#d+e.csv"),
        ("file://{}/%FF.csv", "\udcff.csv"),
    ],
)
def test_a_token_file_is_named_by_its_absolute_path(url: str, file: str, tmp_path: Path) -> None:
    with open_store(url.format(tmp_path)) as store:
        assert type(store) is FileStore
        store.save_token(TOKEN)
        assert store.url.startswith(f"file://{tmp_path}/")
        with open_store(store.url, timeout=1) as again:
            assert again.url == store.url
            assert again.find_token(TOKEN) is not None
    assert files(tmp_path) == [file, f"{file}.evergrant", f"{file}.lock"]


@pytest.mark.parametrize("query", ["", "table=t", "timeout=1"])
def test_a_token_file_has_no_parameters(query: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no parameters.*%3F"):
        open_store(f"file://{tmp_path}/tokens.csv?{query}")
    assert files(tmp_path) == []


def test_the_parameters_reach_the_store(tmp_path: Path) -> None:
    with open_store("sqlite:///t.db?table=mine&timeout=0.25") as store:
        assert isinstance(store, SQLiteStore)
        assert store._timeout == 0.25
        assert store.url.endswith("/t.db?table=mine")
        store.save_token(TOKEN)
    with open_store("sqlite:///t.db") as other:
        assert other.get_tokens() == []


def test_options_go_to_the_stores_class_and_overrule_the_url() -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    rows: list[list[str | None]] = []
    with open_store("list:", rows=rows, clock=lambda: noon) as store:
        assert store.save_token(TOKEN).created_at == noon
        assert len(rows) == 1
    with open_store("sqlite://?table=a", table="b") as store:
        assert store.url == "sqlite:///:memory:?table=b"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "sqlite:///"),
        ("tokens.db", "sqlite:///tokens.db"),
        ("/var/lib/tokens.db", "sqlite:////var/lib/tokens.db"),
        ("./a b.db", "sqlite:///./a%20b.db"),
        ("mongodb://localhost", "names no store"),
        ("oracle://localhost/db", "names no store"),
        ("mysql+pymysql://localhost", "not the URL of a SQL database"),
        ("postgresql://localhost:port/db", "not the URL of a SQL database"),
        ("sqlite3:///tokens.db", "names no store"),
        ("C:\\tokens.db", "names no store"),
        ("file:", "no absolute path"),
        ("file:tokens.csv", "no absolute path"),
        ("file:a/tokens.csv", "no absolute path"),
        ("file://tokens.csv", "no absolute path"),
        ("file://server/tokens.csv", "names a host"),
        ("file://localhost:80/tokens.csv", "names a host"),
        ("file:///a%00b.csv", "zero byte"),
        ("memory:tokens", "nothing may follow"),
        ("memory:?table=t", "nothing may follow"),
        ("list:///tokens", "nothing may follow"),
        ("sqlite:", "lacks slashes"),
        ("sqlite:tokens.db", "lacks slashes"),
        ("sqlite:/tokens.db", "lacks slashes"),
        ("sqlite:?table=t", "lacks slashes"),
        ("sqlite://tokens.db", "names a host"),
        ("sqlite://localhost/tokens.db", "names a host"),
        ("sqlite:///a%00b.db", "zero byte"),
    ],
)
def test_what_is_no_url_of_a_store_is_refused_with_those_that_are(
    url: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"sqlite:///relative\.db") as caught:
        open_store(url)
    assert says in str(caught.value)
    assert files(tmp_path) == []


def test_a_path_object_is_refused_with_its_url(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"sqlite:///{tmp_path}/tokens.db"):
        open_store(tmp_path / "tokens.db")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query",
    [
        "tabel=t",
        "table=t&table=u",
        "table",
        "=t",
        "&",
        "timeout=soon",
        "timeout=-1",
        "timeout=nan",
        "timeout=inf",
        "timeout=",
        "mode=ro",
    ],
)
def test_a_parameter_that_sqlite_does_not_take_is_refused(query: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        open_store(f"sqlite:///tokens.db?{query}")
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "table",
    [
        "",
        "1st",
        "a b",
        'a"b',
        "a;drop table x",
        "ta\u017fk",
        "x" * 64,
        "sqlite_x",
        "Evergrant_lease",
        "oauthtoken\n",
    ],
)
def test_what_cannot_be_a_tables_name_is_refused(table: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a table"):
        open_store("sqlite:///tokens.db", table=table)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://user:planted-pw@host/0",
        "mongodb://:planted-pw@host/0",
        "mongodb://:p@planted-pw@host/0",
        "redis://:planted-pw/x?y@host/0",
        "redis:user:planted-pw@host",
        "user:planted-pw@host",
        "oracle://u:planted-pw@host/db?sslmode=require",
        "oracle://host/db?password=planted-pw",
        "sqlite://user:planted-pw@host/tokens.db",
        "/srv/user:planted-pw@host/tokens.db",
        "sqlite:///tokens.db?key=planted-pw",
        "memory:planted:planted-pw@x",
    ],
)
def test_a_password_in_a_url_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert "planted-pw" not in f"{caught.value} {caught.value!r}"
    assert "host" in str(caught.value) or "tokens.db" in str(caught.value) or "memory" in url


def test_the_name_of_the_user_in_a_url_may_show() -> None:
    with pytest.raises(ConfigError, match=r"mongodb://user:\*\*\*@host/0"):
        open_store("mongodb://user:planted-pw@host/0")


def test_a_file_that_cannot_be_used_is_no_matter_of_the_url(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="it is a folder"):
        open_store(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    ("url", "absent"),
    [
        ("memory:", ["sqlite3", "evergrant.stores.sqlite", "evergrant.stores.list"]),
        ("list:", ["sqlite3", "evergrant.stores.memory"]),
        ("sqlite://", ["evergrant.stores.memory", "evergrant.stores.list", "platformdirs"]),
    ],
)
def test_only_the_store_that_is_opened_is_imported(url: str, absent: list[str]) -> None:
    program = (
        "import sys, evergrant\n"
        "assert not [name for name in sys.modules if name.startswith('evergrant.')]\n"
        f"evergrant.open_store({url!r})\n"
        f"print([name for name in {absent} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_the_default_store_is_in_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = default_store_url()
    assert url.startswith("sqlite:////")
    assert url.endswith("/evergrant/tokens.db")
    monkeypatch.setenv("EVERGRANT_HOME", "my 100%")
    assert default_store_url() == f"sqlite:///{tmp_path}/my%20100%25/tokens.db"
    with open_store(default_store_url()) as store:
        store.save_token(TOKEN)
    assert files(tmp_path) == ["my 100%/tokens.db"]
