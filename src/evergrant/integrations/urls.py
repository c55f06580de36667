"""Where an app and the pages of its login are, and whom its browsers may be sent to or sent by."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote, urlsplit

__all__ = ["LoginUrls", "is_cross_site", "safe_path"]


def safe_path(target: str | None, *, otherwise: str = "/") -> str:
    """Return where to go after a login: a path of this site; ``otherwise`` for anything else.

    A login page that sends people wherever a link says helps whoever wants to deceive them.
    """
    path = target or otherwise
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else otherwise


@dataclass(frozen=True, slots=True)
class LoginUrls:
    """Where an app and the pages of its login are, as a browser addresses them.

    Attributes:
        front: The app's front page.
        login: The page that sends to Zoho.
        callback: The page that Zoho sends back to.
        logout: Where a logout is posted to.
    """

    front: str = "/"
    login: str = "/zoho/login"
    callback: str = "/zoho/callback"
    logout: str = "/zoho/logout"

    @classmethod
    def mounted_at(cls, root: str, pages: str) -> Self:
        """Return the site of an app that a server mounts.

        Args:
            root: What it is mounted below, such as /crm, not quoted; empty: nothing.
            pages: The folder of the login's pages, below that.
        """
        mounted = quote(root.rstrip("/"))
        folder = mounted + quote(pages)
        return cls(f"{mounted}/", f"{folder}/login", f"{folder}/callback", f"{folder}/logout")

    def target(self, wanted: str | None) -> str:
        """Return where to go after a login or a logout; never to their pages: it would go round."""
        path = safe_path(wanted, otherwise=self.front)
        return self.front if self.is_login_page(path) else path

    def is_login_page(self, path: str) -> bool:
        """Return True if a path, quoted, leads to one of the login's pages."""
        return _normalized(path) in {
            _normalized(page) for page in (self.login, self.callback, self.logout)
        }


def _normalized(path: str) -> str:
    # As servers and browsers read it: /zoho/./%6cogin/ is /zoho/login too.
    return posixpath.normpath("/" + unquote(urlsplit(path).path).lstrip("/"))


def is_cross_site(header: Callable[[str], str | None]) -> bool:
    """Return True if another site's page had a browser send this request.

    Cookies alone do not tell: a browser sends them whoever wrote the form. Browsers say it in
    ``Sec-Fetch-Site``, or (older ones, and without TLS) in ``Origin``; programs that send neither
    have no cookies of somebody else to misuse.

    Args:
        header: Returns a header of the request; None: there is none.
    """
    if relation := header("Sec-Fetch-Site"):
        return relation not in ("same-origin", "none")
    origin = header("Origin")
    return origin is not None and urlsplit(origin).netloc != header("Host")
