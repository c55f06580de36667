"""Searches a folder for Zoho tokens. It only reads, and never follows a link.

What cannot be read is told in one line and passed over: a search must not end at one file.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from evergrant._masking import masks_locals
from evergrant._text import escaped
from evergrant.adopt.databases import read_csv, read_sqlite
from evergrant.adopt.desktop_keyring import read_keyring
from evergrant.adopt.documents import read_document
from evergrant.adopt.environment import (
    is_compose_file,
    is_environment_file,
    parse_compose,
    parse_env,
    read_variables,
)
from evergrant.adopt.found import ClientFound, Found, Report, merge
from evergrant.adopt.literals import literal_tokens, literal_values
from evergrant.adopt.source_code import parse_source
from evergrant.clock import Clock, utc_now
from evergrant.datacenter import ZOHO, DataCenters
from evergrant.errors import ConfigError, MissingExtra

__all__ = ["ENVIRONMENT", "find_tokens", "python_files"]

ENVIRONMENT = "the environment"
"""The source of what the environment of this process holds."""

MAX_SIZE = 5 * 1024 * 1024
"""Bytes of a text file; token files are small. A database may be larger: it is not read whole."""

SKIPPED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".tox",
        "__pycache__", "node_modules", "site-packages",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was read.

    Attributes:
        source: Its name below the folder.
        content: What it holds.
        trusted: It is Zoho's, though nothing in it says so.
    """

    path: Path
    source: str
    content: bytes = field(repr=False)
    trusted: bool

    @property
    def text(self) -> str:
        return self.content.decode("utf-8-sig", "replace")


_SQLITE = (".db", ".db3", ".sqlite", ".sqlite3")
_ABOUT_TOKENS = re.compile(r"zoho|token|cred|secret|oauth", re.IGNORECASE)


@masks_locals
def find_tokens(
    folder: Path,
    *,
    data_centers: DataCenters = ZOHO,
    clock: Clock = utc_now,
    environment: Mapping[str, str] | None = None,
    keyring: bool = False,
) -> Report:
    """Return all that a folder, or one file, holds of Zoho's tokens. Nothing is changed.

    Args:
        folder: A project's folder, or a file, which is then taken for Zoho's.
        data_centers: Where tokens may live.
        environment: Variables to look at besides, such as those of this process.
        keyring: Look into the desktop's keyring too, which may ask its owner to unlock it.

    Raises:
        ConfigError: There is no such folder or file.
    """
    search = _Search(data_centers, clock())
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be read: {error.strerror}") from None
    if is_folder:
        for path in _walk(folder, search.problems):
            search.read(path, path.relative_to(folder).as_posix(), trusted=False)
    else:
        search.read(folder, folder.name, trusted=True)
    if environment is not None:
        search.add_variables(environment, ENVIRONMENT)
    if keyring:
        search.add_keyring()
    return search.report()


def python_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the Python files of a folder with their text; what cannot be read is left out."""
    paths = _walk(folder, []) if folder.is_dir() else [folder]
    for path in paths:
        if path.suffix == ".py":
            text = _read(path)
            if isinstance(text, bytes):
                yield path, text.decode("utf-8", "replace")


class _Search:
    """What was found so far."""

    def __init__(self, known: DataCenters, now: datetime) -> None:
        self._known = known
        self._now = now
        self._grants: list[Found] = []
        self._clients: list[ClientFound] = []
        self._warnings: list[str] = []
        self.problems: list[str] = []

    def report(self) -> Report:
        grants = merge(self._grants, self._clients)
        return Report(grants, self._clients, self.problems, self._warnings)

    def read(self, path: Path, source: str, *, trusted: bool) -> None:
        """Read a file if its name is that of a place for tokens."""
        name = path.name
        if name.endswith(_SQLITE):
            if self._is_regular(path, source):
                found, problems = read_sqlite(path, source, self._known, self._now, trusted=trusted)
                self._grants += found
                self._tell(source, problems)
            return
        read = self._reader(name, trusted=trusted)
        if read is None:
            return
        content = _read(path)
        if isinstance(content, bytes):
            read(_File(path, source, content, trusted))
        elif content and (trusted or _ABOUT_TOKENS.search(source) or not name.endswith(".json")):
            self._tell(source, [content])

    def add_variables(self, variables: Mapping[str, str], source: str) -> None:
        """Add what variables hold."""
        grants, clients = read_variables(variables, source, self._known, self._now)
        self._grants += grants
        self._clients += clients

    def add_keyring(self) -> None:
        """Add what the desktop's keyring holds."""
        found, problems = read_keyring(self._known, self._now)
        self._grants += found
        self._tell("keyring", problems)

    def _reader(self, name: str, *, trusted: bool) -> Callable[[_File], None] | None:
        if is_environment_file(name):
            return self._read_env
        if is_compose_file(name):
            return self._read_compose
        if name.endswith(".py"):
            return self._read_source
        if name.endswith((".csv", ".txt")):
            return self._read_csv
        if name.endswith(".json") or name == "config.toml" or trusted:
            return self._read_json
        return None

    def _read_env(self, file: _File) -> None:
        try:
            variables = parse_env(file.text)
        except MissingExtra as error:
            self._tell(file.source, [error.message])
        else:
            self.add_variables(variables, file.source)

    def _read_compose(self, file: _File) -> None:
        self.add_variables(parse_compose(file.text), file.source)

    def _read_source(self, file: _File) -> None:
        lines = list(literal_tokens(file.text))
        self._warnings += [
            f"{escaped(file.source)}:{line}: a token stands in the source code. Every reader of "
            "the code has it: take it out, and revoke it once it is replaced"
            for line in lines
        ]
        if lines and (module := parse_source(file.text)):
            self.add_variables(literal_values(module), file.source)

    def _read_csv(self, file: _File) -> None:
        if file.content.startswith((b"id,user_name,", b"\xef\xbb\xbfid,user_name,")):
            found, problems = read_csv(file.path, file.source, self._known)
            self._grants += found
            self._tell(file.source, problems)

    def _read_json(self, file: _File) -> None:
        grants, clients, problem = read_document(
            io.BytesIO(file.content), file.source, self._known, self._now, trusted=file.trusted
        )
        self._grants += grants
        self._clients += clients
        if (
            problem
            and file.path.suffix != ".toml"
            and (file.trusted or _ABOUT_TOKENS.search(file.source))
        ):
            self._tell(file.source, [problem])

    def _is_regular(self, path: Path, source: str) -> bool:
        try:
            return stat.S_ISREG(path.lstat().st_mode)
        except OSError as error:
            self._tell(source, [f"it cannot be read: {error.strerror}"])
            return False

    def _tell(self, source: str, problems: list[str]) -> None:
        self.problems += [f"{escaped(source)}: {problem}" for problem in problems]


def _walk(folder: Path, problems: list[str]) -> Iterator[Path]:
    def tell(error: OSError) -> None:
        where = os.path.relpath(error.filename or folder, folder)
        problems.append(f"{escaped(where)}: the folder cannot be read: {error.strerror}")

    for at, folders, files in os.walk(folder, onerror=tell, followlinks=False):
        here = Path(at)
        folders[:] = sorted(name for name in folders if not _is_skipped(here / name))
        for name in sorted(files):
            path = here / name
            # A link may lead out of the folder; what it leads to inside is found by itself.
            if not path.is_symlink():
                yield path


def _is_skipped(folder: Path) -> bool:
    return folder.name in SKIPPED_FOLDERS or os.path.lexists(folder / "pyvenv.cfg")


def _read(path: Path) -> bytes | str:
    """Return the content of a regular text file; else why it is not read, or "" for no text."""
    try:
        # Without waiting: a FIFO has no writer, and a device may never answer.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    with os.fdopen(file, "rb") as opened:
        about = os.fstat(opened.fileno())
        if not stat.S_ISREG(about.st_mode):
            return "it is no regular file"
        if about.st_size > MAX_SIZE:
            return f"it is larger than {MAX_SIZE // 1024 // 1024} MB and was not read"
        try:
            content = opened.read(MAX_SIZE + 1)
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
    return "" if b"\0" in content[:4096] else content
