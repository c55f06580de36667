"""Lifeboats, and tokens to put into them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from evergrant._crypto.keys import Keyring
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._lifeboat.restore_result import RestoreOutcome, RestoreResult
from evergrant.errors import StoreUnavailable
from evergrant.token import Token

TOKEN = Token(
    id="7",
    user_name="o'brien@例え.jp:42",
    client_id="1000.ID",
    client_secret="s3cret",
    refresh_token="1000.r",
    access_token="1000.a",
    expires_at=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
    api_domain="https://www.zohoapis.eu",
    scopes=("A.b.READ", "C.d.ALL"),
    org_id="42",
    version=3,
)
LOGIN = Token(client_id="1000.ID", refresh_token="1000.r2", access_token="1000.a2")


def boat(folder: Path, url: str = "sqlite:///t.db", keyring: Keyring | None = None) -> Lifeboat:
    return Lifeboat(folder, url, keyring)


def taken(lifeboat: Lifeboat) -> list[Token]:
    restored: list[Token] = []

    def save(token: Token) -> RestoreResult:
        restored.append(token)
        return RestoreResult(token, RestoreOutcome.RESTORED)

    lifeboat.restore(save)
    return restored


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def locked(token: Token) -> RestoreResult:
    raise StoreUnavailable("the database is locked")
