"""An app with a store and an audit log, to which things happen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evergrant import Keeper, Token, TokenStore
from evergrant.errors import EvergrantError
from evergrant.sandbox import Sandbox
from tests.support.cli.runner import ALICE, Command
from tests.support.keeper.idle import until_idle


@dataclass
class Scene:
    """An app with a store, an audit log, and whoever runs commands beside it."""

    zoho: Sandbox
    home: Path
    run: Command
    keeper: Keeper
    setenv: Callable[[str, str], None]

    @property
    def store(self) -> TokenStore:
        return self.keeper.store

    def log_in(self, user: str = ALICE, **more: Any) -> Token:
        return self.keeper.login_with_code(self.zoho.grant_code(user, self_client=True, **more))

    def use(self, user: str = ALICE, **passed: float) -> None:
        """Ask for a token, after so much time; that may fail."""
        self.zoho.clock.advance(**passed)
        with suppress(EvergrantError):
            self.keeper.access_token(user)
        until_idle(self.keeper._manager)

    def sql(self, statement: str) -> None:
        with closing(sqlite3.connect(self.home / "tokens.db")) as database, database:
            database.execute(statement)

    def change(self, **fields: Any) -> None:
        (token,) = self.store.get_tokens()
        self.store.save_token(replace(token, **fields), expected_version=token.version)

    def cli(self, *arguments: str, stdin: str = "") -> None:
        self.run(*arguments, f"--sandbox={self.zoho.url}", stdin=stdin)

    def why(self, user: str = ALICE) -> dict[str, Any]:
        result = self.run("why", user, "--json", f"--sandbox={self.zoho.url}")
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))
