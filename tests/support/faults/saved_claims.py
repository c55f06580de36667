"""What processes say that they have saved, held against what is there."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from evergrant import Token, TokenStore
from evergrant.errors import CorruptRecord
from evergrant.sandbox import Sandbox
from evergrant.stores.rows import COLUMNS
from tests.support.faults.work import Began, Claim, Ended, Trouble

__all__ = ["Claims", "is_whole"]

User = tuple[str | None, str | None]


class Claims:
    """The newest that was claimed of each user.

    Attributes:
        number: How many claims there were.
        troubles: The errors, by class.
    """

    def __init__(self) -> None:
        self.number = 0
        self.troubles: Counter[str] = Counter()
        self.last_trouble = ""
        self._newest: dict[User, Token] = {}
        self._in_the_air: Counter[str] = Counter()

    def note(self, told: Any) -> None:
        """Take down what a process told."""
        match told:
            case Began(user):
                self._in_the_air[user] += 1
            case Ended(user):
                self._in_the_air[user] -= 1
            case Trouble(kind, message):
                self.troubles[kind] += 1
                self.last_trouble = message
            case Claim(token):
                self.number += 1
                who = token.user_name, token.client_id
                known = self._newest.get(who)
                if known is None or _expiry(token) >= _expiry(known):
                    self._newest[who] = token

    def check(self, store: TokenStore) -> None:
        """Make sure that what was claimed is there or newer; all can be read, none is double."""
        claimed = dict(self._newest)  # what is claimed meanwhile may be newer than what is read
        tokens = store.get_tokens(on_corrupt=_refuse)
        assert not [id_ for id_, times in Counter(t.id for t in tokens).items() if times > 1]
        users = Counter((t.user_name, t.client_id) for t in tokens if t.user_name)
        assert not [user for user, times in users.items() if times > 1]
        there = {(token.user_name, token.client_id): token for token in tokens}
        lost = [who for who in claimed if who not in there]
        assert not lost, f"{lost} were saved, and are not there"
        for who, token in claimed.items():
            assert _expiry(there[who]) >= _expiry(token), f"{who} is older than what was saved"

    def check_grants(self, zoho: Sandbox, store: TokenStore) -> None:
        """Make sure that no grant of Zoho's is lost but what died with a process, before its save.

        Nobody may be at work any more, and the lifeboat must have been restored.
        """
        kept = {token.refresh_token for token in store.iter_tokens()}
        for user in zoho.users:
            grants = [grant.refresh_token for grant in zoho._state.grants.of_user(user)]
            held = [place for place, grant in enumerate(grants) if grant in kept]
            # Those before the newest that is held were replaced by it: the user logged in anew.
            newer = len(grants) - 1 - max(held, default=-1)
            assert newer <= self._in_the_air[user.email], f"{newer} logins of {user.email} are lost"


def is_whole(url: str) -> None:
    """Make sure that the file of a store is not damaged, as others see it."""
    scheme, _, path = url.partition("://")
    if scheme == "sqlite":
        with closing(sqlite3.connect(path[1:])) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    if scheme == "file":
        header, *lines = Path(path).read_text().splitlines()
        assert header.count(",") == len(COLUMNS) - 1
        assert all(line.count(",") >= len(COLUMNS) - 1 for line in lines)
        json.loads(Path(f"{path}.evergrant").read_text() or "{}")


def _refuse(error: CorruptRecord) -> None:
    raise error


def _expiry(token: Token) -> float:
    return token.expires_at.timestamp() if token.expires_at else 0.0
