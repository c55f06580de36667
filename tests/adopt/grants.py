"""Files with grants of the sandbox, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from evergrant.sandbox import Sandbox
from evergrant.stores import open_store
from evergrant.token import Token

LogIn = Callable[..., Token]


def plain(value: str | None) -> str:
    return str.__str__(value or "")


def write(path: Path, token: Token, **more: object) -> None:
    fields = {
        "refresh_token": token.refresh_token and str.__str__(token.refresh_token),
        "client_id": token.client_id,
        "client_secret": token.client_secret and str.__str__(token.client_secret),
    }
    path.write_text(json.dumps({**fields, **more}))


def stored(tmp_path: Path) -> dict[str | None, Token]:
    with open_store(f"sqlite:///{tmp_path}/home/tokens.db", read_only=True) as store:
        return {token.user_name: token for token in store.get_tokens()}


def refreshes(zoho: Sandbox) -> list[str]:
    return [call.data_center for call in zoho.calls if call.grant_type == "refresh_token"]
