"""A user at the consent page, played."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode, urljoin

from evergrant.sandbox.messages import Response
from evergrant.sandbox.models import Org, User

__all__ = ["BrowserCall", "ConsentError", "consent"]

_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_TEXT = re.compile(r"<p>(.*?)</p>", re.DOTALL)
_TICKET = re.compile(r'name="ticket" value="([^"]+)"')
_ACTION = re.compile(r'<form method="post" action="([^"]+)"')
_ACCOUNT = re.compile(r'name="account"[^>]* value="([^"]+)"')


class ConsentError(ValueError):
    """Zoho showed an error page and sent the browser nowhere; ``title`` is the page's."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__(f"{title}: {text}")
        self.title = title


@dataclass(frozen=True, slots=True)
class BrowserCall:
    """A request as a browser makes it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


def consent(
    send: Callable[[BrowserCall], Response], url: str, user: User, org: Org, *, allow: bool
) -> str:
    """Open the page, choose user and org, press a button; return where Zoho redirects to.

    Raises:
        ConsentError: It redirects nowhere.
        LookupError: The page does not offer this user and org.
    """
    page = send(BrowserCall("GET", url)).body.decode()
    ticket, action = _TICKET.search(page), _ACTION.search(page)
    if ticket is None or action is None:
        raise _error(page)
    account = f"{user.email}:{org.zgid}"
    if account not in map(unescape, _ACCOUNT.findall(page)):
        raise LookupError(f"the page does not offer {user.email} in org {org.name!r}")
    decision = "allow" if allow else "deny"
    form = {"ticket": ticket[1], "account": account, "decision": decision}
    answer = send(
        BrowserCall(
            "POST",
            urljoin(url, action[1]),
            {"content-type": "application/x-www-form-urlencoded"},
            urlencode(form).encode(),
        )
    )
    location = answer.headers.get("location")
    if location is None:
        raise _error(answer.body.decode())
    return location


def _error(page: str) -> ConsentError:
    title, text = _TITLE.search(page), _TEXT.search(page)
    return ConsentError(
        unescape(title[1]) if title else "no page", unescape(text[1]) if text else page[:200]
    )
