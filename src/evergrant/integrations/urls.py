"""URLs of the login pages, and checks against open redirects and cross-site requests."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote, urlsplit

__all__ = ["LoginUrls", "is_cross_site", "safe_path"]


def safe_path(target: str | None, *, otherwise: str = "/") -> str:
    """Return ``target`` if it is a path of this site, else ``otherwise``.

    An open redirect, which sends users wherever a link says, helps attackers to deceive them.
    """
    path = target or otherwise
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else otherwise


@dataclass(frozen=True, slots=True)
class LoginUrls:
    """The paths of an app's front page and login pages, as a browser addresses them.

    Attributes:
        front: The app's front page.
        login: The page that redirects to Zoho.
        callback: The page that Zoho redirects back to.
        logout: The address that a logout is posted to.
    """

    front: str = "/"
    login: str = "/zoho/login"
    callback: str = "/zoho/callback"
    logout: str = "/zoho/logout"

    @classmethod
    def mounted_at(cls, root: str, pages: str) -> Self:
        """Return the URLs of an app that is mounted below a path.

        Args:
            root: The path that the app is mounted at, such as /crm, not quoted; may be empty.
            pages: The folder of the login pages, below ``root``.
        """
        mounted = quote(root.rstrip("/"))
        folder = mounted + quote(pages)
        return cls(f"{mounted}/", f"{folder}/login", f"{folder}/callback", f"{folder}/logout")

    def target(self, wanted: str | None) -> str:
        """Return where to go after a login or logout; never a login page, which would loop."""
        path = safe_path(wanted, otherwise=self.front)
        return self.front if self.is_login_page(path) else path

    def is_login_page(self, path: str) -> bool:
        """Return True if a quoted path leads to one of the login pages."""
        return _normalized(path) in {
            _normalized(page) for page in (self.login, self.callback, self.logout)
        }


def _normalized(path: str) -> str:
    # As servers and browsers read it: /zoho/./%6cogin/ means /zoho/login.
    return posixpath.normpath("/" + unquote(urlsplit(path).path).lstrip("/"))


def is_cross_site(header: Callable[[str], str | None]) -> bool:
    """Return True if a page of another site made the browser send this request.

    Cookies do not show that: a browser sends them for any site's form. Browsers say it in
    ``Sec-Fetch-Site``, or in ``Origin`` (old ones, and without TLS). Programs that send neither
    hold no cookies of a victim that could be misused.

    Args:
        header: Returns a header of the request, or None.
    """
    if relation := header("Sec-Fetch-Site"):
        return relation not in ("same-origin", "none")
    origin = header("Origin")
    return origin is not None and urlsplit(origin).netloc != header("Host")
