"""The files of a lifeboat: one token each, written once, so that no two writers ever meet."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from evergrant._crypto.envelope import Envelope, key_id_of
from evergrant._crypto.keys import Keyring, missing_key
from evergrant._files import ownership, secure_files
from evergrant.errors import ConfigError, CorruptRecord
from evergrant.stores.rows import Row, decode, encode
from evergrant.token import Secret, Token

__all__ = ["LifeboatFiles", "all_files", "store_url_of"]

PLAIN = (
    "Look at it. If it is yours, from before there was a key: evergrant doctor --repair --adopt. "
    "Else delete it."
)

ABANDONED = 60.0
"""Seconds after which an unfinished file is not being written any more."""

T = TypeVar("T", dict[str, Any], list[Any])


class LifeboatFiles:
    """Writes and reads the files of one store's lifeboat.

    Args:
        folder: Where they are; made, with mode 0700, when it is first needed.
        store_url: Whose they are; told in each of them.
        keyring: Seals them; None: they are plain.
    """

    def __init__(self, folder: Path, store_url: str, keyring: Keyring | None) -> None:
        self.folder = folder
        self.keyring = keyring
        self._store_url = store_url
        self._prefix = f"lifeboat-{sha256(store_url.encode()).hexdigest()[:12]}"

    def refuse_untrusted(self) -> None:
        """Refuse a folder that others can write to, before anything is granted.

        Raises:
            ConfigError: They can.
        """
        try:
            ownership.resolved_folder(self.folder)
        except ownership.UntrustedFileError as error:
            raise ConfigError(
                f"the lifeboat {self.folder} cannot be used: {error.strerror}", hint=error.hint
            ) from None
        except OSError:
            pass  # told when it is needed: whoever needs no lifeboat goes on

    @property
    def old_list(self) -> Path:
        """Return the one file, of a list, in which older versions kept them all."""
        return self.folder / f"{self._prefix}.json"

    def paths(self, ending: str = ".json") -> list[Path]:
        """Return the files that there are, the oldest first.

        Raises:
            OSError: The folder cannot be read, or others can write to it.
        """
        ownership.resolved_folder(self.folder)
        begin = f"{self._prefix}-"
        names = sorted(name for name in os.listdir(self.folder) if name.startswith(begin))  # noqa: PTH208 - names suffice
        return [self.folder / name for name in names if name.endswith(ending)]

    def write(self, token: Token, over: str | None = None) -> Path:
        """Write a token to a new file, which is on the disk before this returns.

        Args:
            over: Names the grant that it takes the place of, without telling it.

        Raises:
            OSError: It cannot be written.
        """
        ownership.make_folder(self.folder)
        path = self.folder / f"{self._prefix}-{time.time_ns()}-{secrets.token_hex(4)}.json"
        secure_files.atomic_replace(str(path), secure_files.MaskedBytes(self._content(token, over)))
        return path

    def _content(self, token: Token, over: str | None) -> bytes:
        row: object = encode(token)
        if self.keyring:
            row = self.keyring.encrypt(Secret(json.dumps(row)), self._bound_to)
        content = {"store": self._store_url, "token": row} | ({"over": over} if over else {})
        return json.dumps(content).encode()

    @property
    def _bound_to(self) -> str:
        return f"lifeboat of {self._store_url}"

    def read(self, path: Path, *, adopt: bool = False) -> tuple[Token, str | None]:
        """Return the token of a file, and what it is over.

        Args:
            adopt: Take it also where it is plain although there is a key.

        Raises:
            OSError: It cannot be read; a `FileNotFoundError` where it is gone, an
                `UntrustedFileError` where another account may have put it there.
            ConfigError: It is sealed with a key that is not set, or it is plain and must not be.
            CorruptRecord: It is damaged.
        """
        content = _parsed(path, dict)
        row, over = content.get("token"), content.get("over")
        if not isinstance(row, str) and not adopt:
            self._refuse_plain()
        return self._token(row), over if isinstance(over, str) else None

    def _refuse_plain(self) -> None:
        # Who can put a file there, but not seal one, must not say whose token is used.
        if self.keyring:
            raise ConfigError(
                "a key is set, and it is not sealed: anybody may have written it", hint=PLAIN
            )

    def adopt(self, path: Path) -> None:
        """Seal a file that is plain.

        Raises:
            OSError: It cannot be read or written; it stays.
            CorruptRecord: It is damaged; it stays.
        """
        self.write(*self.read(path, adopt=True))
        path.unlink(missing_ok=True)

    def migrate_list_format(self, *, adopt: bool = False) -> None:
        """Give each token of the old list a file of its own, and remove the list.

        Args:
            adopt: Do so although there is a key, and the list is plain.

        Raises:
            OSError: A file cannot be read or written; the list stays.
            ConfigError: It is plain, and must not be.
            CorruptRecord: The list is damaged; it stays.
        """
        if not adopt:
            self._refuse_plain()
        for token in [self._token(row) for row in _parsed(self.old_list, list)]:
            self.write(token)
        self.old_list.unlink(missing_ok=True)

    def recover_drafts(self) -> None:
        """Give the files that killed writers left half-written their proper names.

        Raises:
            OSError: One cannot be renamed.
        """
        for draft in self.paths(".draft"):
            if time.time() - draft.stat().st_mtime > ABANDONED:
                draft.rename(draft.with_suffix(""))

    def move_aside(self, path: Path) -> Path:
        """Take a damaged file out of the lifeboat, as it is; return where it is now.

        What can be read of the old list gets files of its own before.

        Raises:
            OSError: It cannot be renamed, or what is in it cannot be written.
        """
        if path == self.old_list:
            for token in self._readable_of_old_list():
                self.write(token)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        return path.rename(f"{path}.damaged-{stamp}")

    def _readable_of_old_list(self) -> Iterator[Token]:
        with suppress(CorruptRecord):
            for row in _parsed(self.old_list, list):
                with suppress(CorruptRecord):
                    yield self._token(row)

    def _token(self, row: Any) -> Token:
        if isinstance(row, str):
            if self.keyring is None:
                raise missing_key(Envelope.parse(row).key_id)
            row = json.loads(self.keyring.decrypt(row, self._bound_to))
        # A login has no id until a store gives it one, and no row of a store is without.
        try:
            token = decode(Row((row[0] or "0", *row[1:])))
        except (TypeError, LookupError):
            raise CorruptRecord("it holds no token") from None
        return token if row[0] else replace(token, id=None)


def _parsed(path: Path, kind: type[T]) -> T:
    try:
        with os.fdopen(ownership.open_own(path, os.O_RDONLY), "rb") as file:
            content = json.loads(file.read())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, kind):
        raise CorruptRecord("it is not what evergrant writes")
    return content


def all_files(folder: Path) -> list[Path]:
    """Return the files of all lifeboats in a folder, whichever stores they are for."""
    return sorted(folder.glob("lifeboat-*.json"))


def store_url_of(path: Path) -> str:
    """Return the URL of the store that a lifeboat's file is for; nothing where it does not say."""
    try:
        return str(_parsed(path, dict).get("store", ""))
    except (CorruptRecord, OSError):
        return ""


def key_id_of_file(path: Path) -> str | None:
    """Return the id of the key that a lifeboat's file is sealed with; None: it is not."""
    try:
        token = _parsed(path, dict).get("token")
    except (CorruptRecord, OSError):
        return None
    return key_id_of(token) if isinstance(token, str) else None
