"""Where a granted token waits while its store cannot take it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from evergrant.errors import ConfigError, CorruptRecord, StoreError
from evergrant.forking import ProcessLock
from evergrant.stores import private_files
from evergrant.stores.rows import decode, encode
from evergrant.token import Token

__all__ = ["Lifeboat"]

_logger = logging.getLogger("evergrant")

LOCK_TIMEOUT = 5.0
"""Seconds to wait for another process that is using the same lifeboat."""


class Lifeboat:
    """A file of tokens for one store, mode 0600; safe between threads and processes.

    The tokens are held in memory too: on a full disk that is all there is.

    Args:
        folder: Where the file is; made, with mode 0700, when it is first needed.
        store_url: Tells the lifeboats of several stores apart.

    Attributes:
        path: The file.
        occupied: Whether a token waits here; cheap to ask.
    """

    def __init__(self, folder: Path, store_url: str) -> None:
        self.path = folder / f"lifeboat-{sha256(store_url.encode()).hexdigest()[:12]}.json"
        self.occupied = os.access(self.path, os.F_OK)
        self._lock = ProcessLock()
        self._adrift: list[Token] = []

    def find(self, id_: str | None) -> Token | None:
        """Return the newest token with this id that the store has not taken yet."""
        return next((t for t in reversed(self._adrift) if id_ and t.id == id_), None)

    def put(self, token: Token) -> Path | None:
        """Take a token in; return the file it is in, or None if only memory holds it."""
        with self._lock:
            self._adrift = [*(t for t in self._adrift if not _same(t, token)), token]
            self.occupied = True
            try:
                with self._locked_file():
                    others = [t for t in self._read() if not _same(t, token)]
                    self._write([*others, token])
            except (OSError, ConfigError) as error:
                _logger.error("the lifeboat %s cannot be written: %s", self.path, error)  # noqa: TRY400 - the text says it all
                return None
            return self.path

    def take_aboard(self, save: Callable[[Token], object]) -> None:
        """Save every token that waits; those that the store cannot take wait on.

        Args:
            save: Stores one token, or raises a `StoreError`.
        """

        def saved(token: Token) -> bool:
            try:
                save(token)
            except StoreError as error:
                _logger.warning("a token stays in the lifeboat: %s", error)
                return False
            return True

        self._settle(saved)

    def drop(self, id_: str) -> None:
        """Forget a token that was deleted from the store on purpose."""
        if self.occupied:
            self._settle(lambda token: token.id == id_)

    def _settle(self, done: Callable[[Token], bool]) -> None:
        with self._lock:
            try:
                with self._locked_file():
                    # One that another process put for the same row counts too: the store decides.
                    known = {token.access_token for token in self._adrift}
                    filed = [token for token in self._read() if token.access_token not in known]
                    self._adrift = [t for t in [*filed, *self._adrift] if not done(t)]
                    self._write(self._adrift)
            except (OSError, ConfigError) as error:
                _logger.error("the lifeboat %s cannot be used: %s", self.path, error)  # noqa: TRY400 - the text says it all
                self._adrift = [token for token in self._adrift if not done(token)]
            self.occupied = bool(self._adrift)

    def _locked_file(self) -> AbstractContextManager[object]:
        from filelock import FileLock

        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Its Timeout is an OSError (TimeoutError).
        return FileLock(f"{self.path}.lock", timeout=LOCK_TIMEOUT, mode=0o600)

    def _read(self) -> list[Token]:
        try:
            return [_from_row(row) for row in json.loads(self.path.read_bytes())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, LookupError, RecursionError, CorruptRecord):
            # Left as it is: it may hold the only copy of a grant.
            raise ConfigError(
                f"the lifeboat {self.path} is damaged", hint="Mend it, or move it away."
            ) from None

    def _write(self, tokens: list[Token]) -> None:
        if tokens:
            content = json.dumps([encode(token) for token in tokens]).encode()
            private_files.replace(str(self.path), private_files.Hidden(content))
        else:
            self.path.unlink(missing_ok=True)


def _from_row(row: Sequence[str | int | None]) -> Token:
    # A login has no id until a store gives it one, and no row of a store is without.
    token = decode((row[0] or "0", *row[1:]))
    return token if row[0] else replace(token, id=None)


def _same(one: Token, other: Token) -> bool:
    """Say whether two tokens are of one row, or of one grant that has no row yet."""
    same_row = one.id is not None and one.id == other.id
    return same_row or (one.access_token is not None and one.access_token == other.access_token)
