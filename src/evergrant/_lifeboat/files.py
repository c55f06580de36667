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
from evergrant._masking import raise_without_context
from evergrant.errors import ConfigError, CorruptRecord
from evergrant.stores.rows import Row, decode, encode
from evergrant.token import Secret, Token

__all__ = ["LifeboatFiles", "all_files", "store_url_of"]

PLAIN = (
    "Look at it. If it is yours, from before there was a key: evergrant doctor --repair --adopt. "
    "Else delete it."
)

ABANDONED_S = 60.0
"""Seconds after which an unfinished file counts as abandoned."""

T = TypeVar("T", dict[str, Any], list[Any])


class LifeboatFiles:
    """Writes and reads the files of one store's lifeboat.

    Args:
        folder: Where they are; made, with mode 0700, when it is first needed.
        store_url: The store they are for; each file names it.
        keyring: Encrypts them; without one they are plain.
    """

    def __init__(self, folder: Path, store_url: str, keyring: Keyring | None) -> None:
        self.folder = folder
        self.keyring = keyring
        self._store_url = store_url
        self._prefix = f"lifeboat-{sha256(store_url.encode()).hexdigest()[:12]}"

    def require_trusted(self) -> None:
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
            pass  # reported when it is needed: a program that needs no lifeboat goes on

    @property
    def old_list(self) -> Path:
        """The one file in which older versions kept all tokens as a list."""
        return self.folder / f"{self._prefix}.json"

    def paths(self, ending: str = ".json") -> list[Path]:
        """Return the existing files, the oldest first.

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
            over: The fingerprint of the grant that this login supersedes, if known.

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
        """Return the token of a file, and the fingerprint of the grant that it supersedes, if any.

        Args:
            adopt: Accept a plain file although there is a key.

        Raises:
            OSError: It cannot be read; a `FileNotFoundError` where it is gone, an
                `UntrustedFileError` where another account may have put it there.
            ConfigError: It is encrypted with a key that is not set, or plain and must not be.
            CorruptRecord: It is damaged.
        """
        content = _parse(path, dict)
        row, over = content.get("token"), content.get("over")
        if not isinstance(row, str) and not adopt:
            self._require_encrypted()
        return self._token(row), over if isinstance(over, str) else None

    def _require_encrypted(self) -> None:
        # An account that can write files but not encrypt them must not choose which token is used.
        if self.keyring:
            raise ConfigError(
                "a key is set, and it is not encrypted: anybody may have written it", hint=PLAIN
            )

    def adopt(self, path: Path) -> None:
        """Encrypt a plain file.

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
            self._require_encrypted()
        for token in [self._token(row) for row in _parse(self.old_list, list)]:
            self.write(token)
        self.old_list.unlink(missing_ok=True)

    def recover_drafts(self) -> None:
        """Give the files that killed writers left half-written their proper names.

        Raises:
            OSError: One cannot be renamed.
        """
        for draft in self.paths(".draft"):
            if time.time() - draft.stat().st_mtime > ABANDONED_S:
                draft.rename(draft.with_suffix(""))

    def move_aside(self, path: Path) -> Path:
        """Rename a damaged file so that it is no longer used; return its new path.

        What can be read of an old list gets files of its own first.

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
            for row in _parse(self.old_list, list):
                with suppress(CorruptRecord):
                    yield self._token(row)

    def _token(self, row: Any) -> Token:
        if isinstance(row, str):
            if self.keyring is None:
                raise missing_key(Envelope.parse(row).key_id)
            row = json.loads(self.keyring.decrypt(row, self._bound_to))
        # A login has no id until a store gives it one; every row of a store has one.
        try:
            token = decode(Row((row[0] or "0", *row[1:])))
        except (TypeError, LookupError):
            raise_without_context(CorruptRecord("it holds no token"))
        return token if row[0] else replace(token, id=None)


def _parse(path: Path, kind: type[T]) -> T:
    try:
        with os.fdopen(ownership.open_own(path, os.O_RDONLY), "rb") as file:
            content = json.loads(file.read())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, kind):
        raise CorruptRecord("it is not what evergrant writes")
    return content


def all_files(folder: Path) -> list[Path]:
    """Return the files of all lifeboats in a folder, of any store."""
    return sorted(folder.glob("lifeboat-*.json"))


def store_url_of(path: Path) -> str:
    """Return the URL of the store that a lifeboat file is for, or "" if it does not say."""
    try:
        return str(_parse(path, dict).get("store", ""))
    except (CorruptRecord, OSError):
        return ""


def key_id_of_file(path: Path) -> str | None:
    """Return the id of the key that a lifeboat file is encrypted with, or None if it is plain."""
    try:
        token = _parse(path, dict).get("token")
    except (CorruptRecord, OSError):
        return None
    return key_id_of(token) if isinstance(token, str) else None
