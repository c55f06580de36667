"""A Keeper on a real store, and a real (if local) Zoho."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore, open_store
from evergrant.errors import StoreUnavailable
from evergrant.events import Event
from evergrant.sandbox import Sandbox


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/tokens.db?timeout=0"


@pytest.fixture
def store(store_url: str, zoho: Sandbox) -> Iterator[TokenStore]:
    with open_store(store_url, clock=zoho.clock) as store:
        yield store


@pytest.fixture
def accounts(zoho: Sandbox) -> Iterator[Accounts]:
    with Accounts(
        zoho.client.client_id,
        zoho.client.client_secret,
        redirect_url="https://app.example.com/callback",
        data_centers=zoho.data_centers,
        clock=zoho.clock,
        sleep=lambda seconds: None,
    ) as accounts:
        yield accounts


@pytest.fixture
def new_keeper(
    store: TokenStore, accounts: Accounts, events: list[Event], boat: Path
) -> Callable[[], Keeper]:
    """Make a Keeper as another process, or the same after a restart, would have it."""
    return lambda: Keeper(store, accounts, on_event=events.append, lifeboat=boat)


@pytest.fixture
def keeper(new_keeper: Callable[[], Keeper]) -> Keeper:
    return new_keeper()


@pytest.fixture
def log_in(zoho: Sandbox, keeper: Keeper) -> Callable[[str], Token]:
    """Log a user in with a code as the API console makes them."""

    def log_in(email: str) -> Token:
        code = zoho.grant_code(email, self_client=True)
        return keeper.login_with_code(code, data_center=zoho.user(email).data_center)

    return log_in


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0, 0))


@pytest.fixture
def sql(tmp_path: Path) -> Callable[[str], None]:
    """Change the database behind the store's back."""

    def execute(statement: str) -> None:
        with closing(sqlite3.connect(tmp_path / "tokens.db")) as db, db:
            db.execute(statement)

    return execute


@pytest.fixture
def locked(tmp_path: Path) -> Callable[[], AbstractContextManager[None]]:
    """Hold the database's write lock: tokens can be read, and not saved."""

    @contextmanager
    def lock() -> Iterator[None]:
        with closing(sqlite3.connect(tmp_path / "tokens.db")) as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.rollback()

    return lock


@pytest.fixture
def down(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make every access to the store fail."""

    def fail(*args: object, **kwargs: object) -> None:
        raise StoreUnavailable("the disk is gone")

    def take_down() -> None:
        for name in (
            "change_counter",
            "find_users",
            "find_token",
            "find_token_by_id",
            "save_token",
        ):
            monkeypatch.setattr(keeper.store, name, fail)

    return take_down
