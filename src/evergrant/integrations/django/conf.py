"""The keeper of a Django project, from its settings.

``EVERGRANT = {"STORE": "postgresql://…", "CLIENT_ID": …, "CLIENT_SECRET": …,
"REDIRECT_URL": "https://app.example.com/zoho/callback", "SCOPES": ["ZohoCRM.modules.ALL"]}``;
``DATA_CENTER`` is optional. ``KEEPER``, the dotted path of a function that returns a keeper,
replaces everything except ``SCOPES``.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error
from django.urls import get_script_prefix, reverse
from django.utils.module_loading import import_string

import evergrant
from evergrant._fork import ProcessLock
from evergrant._scopes import read_scopes
from evergrant.integrations.urls import LoginUrls
from evergrant.integrations.web import WebLogin
from evergrant.token import Secret

__all__ = ["check", "keeper", "login", "login_urls", "mask_settings"]

REQUIRED_KEYS = ("STORE", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URL")
KNOWN_KEYS = {*REQUIRED_KEYS, "SCOPES", "DATA_CENTER", "KEEPER"}

_lock = ProcessLock()
_keepers: dict[str, evergrant.Keeper] = {}


def check(**_: Any) -> list[Error]:
    """Return the errors of the settings; a system check."""
    given = getattr(settings, "EVERGRANT", None)
    if not isinstance(given, dict):
        return [Error("EVERGRANT is not set, or is not a dict.", id="evergrant.E001")]
    problems = [f"EVERGRANT has an unknown key {key!r}." for key in given if key not in KNOWN_KEYS]
    if not given.get("KEEPER"):
        problems += [f"EVERGRANT lacks {key}." for key in REQUIRED_KEYS if not given.get(key)]
    scopes = given.get("SCOPES")
    if not scopes or isinstance(scopes, str):
        problems.append("EVERGRANT needs SCOPES, a list of strings.")
    else:
        try:
            read_scopes(scopes)
        except evergrant.errors.ConfigError as error:
            problems.append(f"EVERGRANT has wrong SCOPES: {error}")
    return [Error(problem, id="evergrant.E002") for problem in problems]


def mask_settings() -> None:
    """Mask the store's URL, with its password, and the client secret in the settings."""
    given = getattr(settings, "EVERGRANT", None)
    if isinstance(given, dict):
        for key in ("STORE", "CLIENT_SECRET"):
            if isinstance(given.get(key), str):
                given[key] = Secret(given[key])


def keeper() -> evergrant.Keeper:
    """Return the keeper of this process; the first call makes it."""
    with _lock.get():
        if "keeper" not in _keepers:
            _keepers["keeper"] = _make_keeper(settings.EVERGRANT)
        return _keepers["keeper"]


def _make_keeper(given: dict[str, Any]) -> evergrant.Keeper:
    if path := given.get("KEEPER"):
        made: evergrant.Keeper = import_string(path)()
        return made
    accounts = evergrant.Accounts(
        given["CLIENT_ID"],
        given["CLIENT_SECRET"],
        redirect_url=given["REDIRECT_URL"],
        data_center=given.get("DATA_CENTER"),
    )
    return evergrant.Keeper(evergrant.open_store(given["STORE"]), accounts)


def login() -> WebLogin:
    """Return the login of this project."""
    return WebLogin(keeper(), settings.EVERGRANT["SCOPES"])


def login_urls() -> LoginUrls:
    """Return the URLs of the login pages, as the browser of this request addresses them."""
    login_page, callback = reverse("zoho-login"), reverse("zoho-callback")
    return LoginUrls(get_script_prefix(), login_page, callback, reverse("zoho-logout"))
