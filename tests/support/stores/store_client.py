"""A user of a store that others use too: does something, and compares it with the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from evergrant.errors import Conflict, TokenNotFound
from evergrant.stores.base import TokenStore
from evergrant.stores.leases import Lease
from evergrant.token import Token
from tests.support.stores.store_model import NOON, Model, RefusedError, plain

__all__ = ["AN_HOUR", "Client", "ticking"]

AN_HOUR = 3_600.0


def ticking() -> Callable[[], datetime]:
    """Return a clock that goes on by a millisecond whenever it is looked at."""
    ticks = count()
    return lambda: NOON + timedelta(milliseconds=next(ticks))


@dataclass
class Client:
    """One handle on a storage.

    The model is asked after the store has answered, so that it knows what others did meanwhile.

    Args:
        store: The handle.
        model: What all clients of this storage have done so far.
        scope: Tells the keys of leases and notes from those of earlier tests.
    """

    store: TokenStore
    model: Model
    scope: str = ""

    def save(self, token: Token, expected_version: int | None = None) -> Token | None:
        """Save a token; return it as stored, or None if it had to be refused."""
        try:
            saved = self.store.save_token(token, expected_version=expected_version)
        except Conflict:
            saved = None
        try:
            expected, gone = self.model.saved(token, expected_version)
        except RefusedError:
            assert saved is None, "a conflict was not noticed"
            return None
        assert saved
        assert saved.id
        if expected.id is None:
            assert saved.id not in self.model.used
            assert len(saved.id) <= len("9999999999")
            assert saved.id.isdecimal()
        else:
            assert saved.id == expected.id
        if not expected.version:
            assert saved.version > 0
            assert (saved.id, saved.version) not in self.model.versions
            expected = replace(expected, version=saved.version)
        assert plain(saved) == plain(replace(expected, id=saved.id))
        self.model.put(saved, gone)
        return saved

    def read(self, token: Token) -> Token | None:
        """Find the token of a user and client."""
        found = self.store.find_token(Token(user_name=token.user_name, client_id=token.client_id))
        assert found == self.model.of_user(token)
        return found

    def read_by_id(self, id_: str) -> Token | None:
        """Find a token by its id."""
        found = self.store.find_token_by_id(id_)
        assert found == self.model.rows.get(id_)
        return found

    def delete(self, id_: str) -> None:
        """Delete a token, which may be gone already."""
        try:
            self.store.delete_token(id_)
        except TokenNotFound:
            assert id_ not in self.model.rows
        else:
            del self.model.rows[id_]

    def clear(self) -> None:
        """Delete all tokens."""
        self.store.delete_tokens()
        self.model.clear()

    def look(self) -> None:
        """Find every token in every way, and nothing else."""
        for tokens in (self.store.get_tokens(), self.store.iter_tokens()):
            assert sorted(tokens, key=_id_of) == sorted(self.model.rows.values(), key=_id_of)
        for asked, answer in self.model.answers():
            assert self.store.find_token(asked) == answer
        for id_ in self.model.used:
            self.read_by_id(id_)

    def look_up(self, name: str) -> None:
        """Find the tokens of everybody who has a name, with an org or without."""
        found = self.store.find_users(name)
        rows = self.model.rows.values()
        wanted = [row for row in rows if f"{row.user_name}:".startswith(f"{name}:")]
        assert sorted(found, key=_id_of) == sorted(wanted, key=_id_of)

    def lease(self, id_: str) -> Lease:
        """Ask for a lease, which is granted if nobody has it."""
        lease = self.store.lease(f"{self.scope}{id_}", AN_HOUR)
        assert bool(lease) == (id_ not in self.model.holders)
        if lease:
            self.model.holders[id_] = lease
        return lease

    def extend(self, id_: str, lease: Lease) -> None:
        """Extend a lease: it is still held, unless it was given back or another has it."""
        is_held = bool(lease) and self.model.holders.get(id_, lease) is lease
        assert lease.extend() == bool(lease) == is_held
        if is_held:
            self.model.holders[id_] = lease

    def release(self, id_: str, lease: Lease) -> None:
        """Give a lease back; somebody else's stays."""
        lease.release()
        assert not lease
        if self.model.holders.get(id_) is lease:
            del self.model.holders[id_]

    def amend(self, key: str, text: str) -> None:
        """Replace a note, or fail while doing so, which leaves it as it is."""
        before = self.model.notes.get(key, "")
        seen: list[str] = []

        def change(present: str) -> str:
            seen.append(present)
            if text == "fail":
                raise ZeroDivisionError
            return text

        try:
            after = self.store.update_note(f"{self.scope}{key}", change, life=AN_HOUR)
        except ZeroDivisionError:
            after = before
        else:
            assert after == text
        assert set(seen) == {before}
        self.model.notes[key] = after


def _id_of(token: Token) -> str:
    return token.id or ""
