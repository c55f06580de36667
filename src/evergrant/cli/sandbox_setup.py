"""What ``evergrant sandbox`` is told to run with: people, a client, records, and a saved state."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from evergrant.cli.messages import print_warning
from evergrant.errors import ConfigError, StoreUnavailable

if TYPE_CHECKING:
    from evergrant.sandbox import Sandbox

__all__ = ["StateFile", "add_client", "add_data", "add_users"]


def add_client(
    zoho: Sandbox, named: str | None, default: tuple[str, str], uris: Iterable[str]
) -> None:
    """Make a client the sandbox's own; one that is there already is changed.

    Args:
        named: ``ID`` or ``ID:SECRET``; None: the default.
        default: Id and secret.
        uris: What is registered as redirect URI, besides what every client has.

    Raises:
        ConfigError: It has no id.
    """
    client_id, _, secret = (named or default[0]).partition(":")
    if not re.fullmatch(r"[\w.-]+", client_id, re.ASCII):
        raise ConfigError("--client takes ID or ID:SECRET, such as 1000.MYAPP:my-secret")
    secret = secret or default[1]
    known = {client.client_id: client for client in zoho.clients}
    client = known.get(client_id)
    if client is None:
        client = zoho.add_client(
            redirect_uris=zoho.client.redirect_uris, client_id=client_id, client_secret=secret
        )
    elif named and ":" in named:
        client.client_secret = secret
    client.redirect_uris = tuple(dict.fromkeys((*client.redirect_uris, *uris)))
    zoho.client = client


def add_users(zoho: Sandbox, named: Iterable[str], services: Iterable[str] | None) -> None:
    """Add people who are not there yet; limit what everyone has an account in, if it is said.

    Args:
        named: ``EMAIL`` or ``EMAIL:CODE``, the code of a data center.

    Raises:
        ConfigError: One is no address, or the sandbox has no such data center or service.
    """
    from evergrant.sandbox.services import known_services

    known = {user.email.lower() for user in zoho.users}
    for text in named:
        email, _, code = text.partition(":")
        if not re.fullmatch(r"[^\s@:]+@[^\s@:]+", email):
            raise ConfigError(f"--user {text[:100]!r} is not EMAIL or EMAIL:DATA_CENTER")
        if email.lower() not in known:
            try:
                zoho.add_user(email, data_center=code or None)
            except ValueError as error:
                raise ConfigError(f"--user {text[:100]!r}: {error}") from None
            known.add(email.lower())
    if services is None:
        return
    try:
        wanted = known_services(services)
    except ValueError as error:
        raise ConfigError(f"--service: {error}") from None
    for user in zoho.users:
        user.services = wanted


def add_data(zoho: Sandbox, path: Path) -> None:
    """Add the records of a file: services, their lists or modules, their records.

    Raises:
        ConfigError: It cannot be read, is of another form, or the sandbox cannot take a record.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"--data {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--data {path} is not JSON: {error}") from None
    for service, name, records in _lists(data, path):
        try:
            zoho.add_records(service, name, records)
        except ValueError as error:
            raise ConfigError(f"--data {path}: {error}") from None


def _lists(data: Any, path: Path) -> Iterable[tuple[str, str, list[dict[str, Any]]]]:
    example = '{"crm": {"Leads": [{"Last_Name": "Doe"}]}, "desk": {"tickets": [{"id": "1"}]}}'
    wrong = ConfigError(f"--data {path} has another form than {example}")
    if not isinstance(data, dict):
        raise wrong
    for service, lists in data.items():
        if not isinstance(lists, dict):
            raise wrong
        for name, records in lists.items():
            if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
                raise wrong
            yield service, name, records


class StateFile:
    """The file that keeps a sandbox's state between starts; readable by its owner only.

    A context manager: while it is entered, no other sandbox uses the file.

    Raises:
        ConfigError: When it is entered: the file cannot be used, or another sandbox uses it.

    Attributes:
        is_new: Whether there was no state in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.is_new = True
        self._saved = ""
        self._is_failing = False
        self._held = ExitStack()

    def __enter__(self) -> Self:
        from filelock import FileLock, Timeout

        from evergrant._files.secure_files import (
            ensure_file,
            require_not_planted,
            restrict_permissions,
        )

        try:
            ensure_file(str(self.path))
            require_not_planted(str(self.path))
            restrict_permissions(str(self.path))
        except StoreUnavailable as error:
            told = error.message.replace("the token store", "--state")
            raise ConfigError(told, hint=error.hint) from None
        try:
            self._held.enter_context(FileLock(f"{self.path}.lock", timeout=0, mode=0o600))
        except Timeout:
            raise ConfigError(f"another sandbox uses --state {self.path}") from None
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    def restore(self, zoho: Sandbox) -> None:
        """Give a sandbox the state that was saved, if one was.

        Raises:
            ConfigError: The file has something else in it; it stays as it is.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
            self.is_new = not text.strip()
            if not self.is_new:
                zoho.restore_state(text)
        except OSError as error:
            raise ConfigError(f"--state {self.path}: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError(
                f"--state {self.path}: {error}", hint="Name another file, or delete this one."
            ) from None

    def try_to_save(self, dump: Callable[[], str]) -> None:
        """Save the state if it has changed; where that fails, say so once and go on."""
        try:
            self.save(dump)
        except ConfigError as error:
            if not self._is_failing:
                print_warning(f"{error.message}; trying again")
            self._is_failing = True
        else:
            self._is_failing = False

    def save(self, dump: Callable[[], str]) -> None:
        """Save the state if it has changed.

        Raises:
            ConfigError: It cannot be saved.
        """
        from evergrant._files.secure_files import atomic_replace

        text = dump()
        if text == self._saved:
            return
        try:
            atomic_replace(str(self.path), text.encode())
        except OSError as error:
            raise ConfigError(f"--state {self.path} cannot be saved: {error.strerror}") from None
        self._saved = text
