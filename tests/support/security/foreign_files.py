"""Files that another account made, and what uses files that hold secrets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evergrant._crypto.key_file import read_lines, write_lines
from evergrant.config import load_settings
from evergrant.errors import ConfigError, StoreUnavailable
from evergrant.observing.audit_log import AuditLog
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE
from evergrant.token import Secret
from tests.support.stores.sqlite_store import SOMEBODY_ELSE

__all__ = ["KEY", "USES", "careless_umask", "csv_at", "refused", "sqlite_at", "strange", "use"]

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def strange(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Return what makes a file another account's, from here on."""

    def make(path: Path) -> None:
        if os.getuid():
            uid = os.getuid()
            monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
        else:
            os.chown(path, SOMEBODY_ELSE, SOMEBODY_ELSE, follow_symlinks=False)

    return make


def sqlite_at(path: Path) -> TokenStore:
    return open_store(f"sqlite:///{path}")


def csv_at(path: Path) -> TokenStore:
    return open_store(f"file://{path}")


def used_as_store(opened: Callable[[Path], TokenStore]) -> Callable[[Path], None]:
    def use(path: Path) -> None:
        with closing(opened(path)) as store:
            store.save_token(ALICE)

    return use


def used_as_keys(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        write_lines(path, [Secret(KEY)])
    read_lines(path)


def used_as_audit_log(path: Path) -> None:
    AuditLog(path).record({"event": "Test"})


def used_as_config(path: Path) -> None:
    load_settings(path)


USES = {
    "sqlite": used_as_store(sqlite_at),
    "csv": used_as_store(csv_at),
    "keys": used_as_keys,
    "audit": used_as_audit_log,
    "config": used_as_config,
}


@pytest.fixture(params=USES)
def use(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    return USES[request.param]


def refused(use: Callable[[Path], object], path: Path, why: str) -> str:
    with pytest.raises((StoreUnavailable, ConfigError), match=why) as caught:
        use(path)
    assert caught.value.hint
    assert not isinstance(caught.value, StoreUnavailable) or not caught.value.retryable
    return str(caught.value)
