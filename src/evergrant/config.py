"""Settings from the command line, the environment, a TOML file and defaults, in this order."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evergrant._environment import ZohoEnvironment, read_zoho_environment
from evergrant._files import ownership
from evergrant._files.locations import path_from_environment, user_folder
from evergrant._masking import raise_without_context
from evergrant._text import without_line_end
from evergrant.errors import ConfigError
from evergrant.policy import NO_POLICY, Policy
from evergrant.stores import default_store_url
from evergrant.token import Secret

__all__ = ["Settings", "config_folder", "load_settings"]

DEFAULT_REDIRECT_URL = "http://127.0.0.1:8780/callback"
"""Register exactly this URL in Zoho's API console, or set another. Zoho compares each character."""

DEFAULT_SCOPES = (
    "ZohoCRM.modules.ALL",
    "ZohoCRM.settings.ALL",
    "ZohoCRM.users.READ",
    "ZohoCRM.org.READ",
)
"""The scopes of a login by default: records, and what the official SDK reads at its start."""

MAX_SHOWN_KEY = 30
"""Unknown keys up to this length are shown in errors. Secrets are longer."""

SECRET_KEYS = frozenset({"client_secret", "client_secrets"})

_VARIABLES = {
    "store": "EVERGRANT_STORE",
    "data_center": "EVERGRANT_DATA_CENTER",
    "client_id": "EVERGRANT_CLIENT_ID",
    "client_secret": "EVERGRANT_CLIENT_SECRET",
    "redirect_url": "EVERGRANT_REDIRECT_URL",
    "sandbox": "EVERGRANT_SANDBOX",
    "audit": "EVERGRANT_AUDIT",
}
"""The keys that are plain text, and the environment variable that overrides each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of the command line; secrets are masked.

    Attributes:
        store: The store's URL, for `evergrant.open_store`.
        data_center: Where logins start, or None for the default of `evergrant.Accounts`.
        client_secrets: Secrets by data center code, for a client that has one in each.
        sandbox: The address of a running sandbox to use instead of Zoho.
        policy: The rules for tokens.
        audit: The file of the audit log, or None for no audit log.
        names_store: Whether a setting names the store; else it is the default one.
        file: The configuration file, whether or not it exists.
        warning: What is unsafe about the file, in words, or None.
    """

    store: str
    data_center: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    client_secrets: Mapping[str, str] = field(default_factory=dict)
    redirect_url: str = DEFAULT_REDIRECT_URL
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    sandbox: str | None = None
    policy: Policy = NO_POLICY
    audit: str | None = None
    names_store: bool = True
    file: Path
    warning: str | None = None

    def __post_init__(self) -> None:
        if self.client_secret is not None:
            object.__setattr__(self, "client_secret", Secret(self.client_secret))
        masked = {code: Secret(value) for code, value in self.client_secrets.items()}
        object.__setattr__(self, "client_secrets", masked)


def config_folder() -> Path:
    """Return the folder of configuration and lifeboat: EVERGRANT_HOME, or the platform's folder."""
    return user_folder("config")


def load_settings(
    file: Path | None = None, *, store: str | None = None, sandbox: str | None = None
) -> Settings:
    """Load the settings: arguments, then EVERGRANT_… variables, the file, and ZOHO_… variables.

    ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET, ZOHO_DC, ZOHO_REDIRECT_URI and their like count where
    nothing else sets the client, or sets the same one.

    Args:
        file: The TOML file. Default: the file that EVERGRANT_CONFIG names, else ``config.toml``
            in the configuration folder, which need not exist.
        store: Overrides every other store.
        sandbox: Overrides every other sandbox.

    Raises:
        ConfigError: The file cannot be read, or a key in it is unknown or of the wrong type; or
            ZOHO_… variables contradict each other.
    """
    named = file.absolute() if file else path_from_environment("EVERGRANT_CONFIG")
    path = named or config_folder() / "config.toml"
    values = _read(path, must_exist=named is not None)
    warning = _find_exposure(path) if SECRET_KEYS & values.keys() else None
    given: dict[str, str | None] = {
        key: without_line_end(os.environ.get(variable, "")) for key, variable in _VARIABLES.items()
    }
    given |= {"store": store or given["store"], "sandbox": sandbox or given["sandbox"]}
    given = {key: value for key, value in given.items() if value}
    # A secret belongs to one client: the file's secret is not sent for another client.
    if "client_id" in values and given.get("client_id", values["client_id"]) != values["client_id"]:
        values = {key: value for key, value in values.items() if key not in SECRET_KEYS}
    if "client_secret" in given:
        values.pop("client_secrets", None)
    merged = _with_zoho_variables(values | given, read_zoho_environment(in_part=True))
    return Settings(**merged, file=path, warning=warning)


def _with_zoho_variables(values: dict[str, Any], zoho: ZohoEnvironment) -> dict[str, Any]:
    """Return the settings, with the rest from the variables that other programs read too."""
    if values.get("client_id", zoho.client_id) == zoho.client_id and zoho.client_id:
        if not SECRET_KEYS & values.keys():
            values["client_secret"] = zoho.client_secret
        values["client_id"] = zoho.client_id
        for key in ("data_center", "redirect_url"):
            if key not in values and (value := getattr(zoho, key)):
                values[key] = value
    if "store" not in values:
        values |= {"store": default_store_url(), "names_store": False}
    return values


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    import tomllib

    try:
        with os.fdopen(ownership.open_own(path, os.O_RDONLY), "rb") as opened:
            text = opened.read()
    except ownership.UntrustedFileError as error:
        raise ConfigError(f"{path} was not read: {error.strerror}", hint=error.hint) from None
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(f"there is no configuration file {path}") from None
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    try:
        values = tomllib.loads(text.decode())
    except UnicodeDecodeError:
        raise_without_context(ConfigError(f"{path} is not UTF-8 text"))
    except tomllib.TOMLDecodeError as error:
        # The parser's message quotes at most one character.
        raise_without_context(ConfigError(f"{path} is not valid TOML: {error}"))
    except (ValueError, RecursionError):  # a number of 5,000 digits, lists nested 1,000 deep
        raise_without_context(ConfigError(f"{path} holds a value that no setting can have"))
    return {key: _validate(path, key, value) for key, value in values.items()}


def _validate(path: Path, key: str, value: object) -> object:
    if key == "scopes":
        if isinstance(value, list) and value and all(_is_text(scope) for scope in value):
            return tuple(value)
        raise ConfigError(f"{path}: scopes must be a list of strings, and not empty")
    if key == "client_secrets":
        if isinstance(value, dict) and all(_is_text(secret) for secret in value.values()):
            return {code.lower(): without_line_end(secret) for code, secret in value.items()}
        raise ConfigError(f"{path}: client_secrets must be a table of data center = secret")
    if key == "policy":
        return _parse_policy(path, value)
    if key not in _VARIABLES:
        known = ", ".join(sorted({*_VARIABLES, "client_secrets", "policy", "scopes"}))
        # A long key may be a misplaced secret.
        shown = repr(key) if len(key) <= MAX_SHOWN_KEY else f"of {len(key)} characters"
        raise ConfigError(f"{path}: unknown key {shown}", hint=f"Known keys: {known}.")
    if not _is_text(value):
        raise ConfigError(f"{path}: {key} must be a string, and not empty")
    return without_line_end(str(value))


def _parse_policy(path: Path, value: object) -> Policy:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: policy must be a table")
    try:
        return Policy.from_table(value)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", hint=error.hint) from None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _find_exposure(path: Path) -> str | None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return f"{path} holds a secret and others can read it (mode {mode:03o}): chmod 600 {path}"
    return None
