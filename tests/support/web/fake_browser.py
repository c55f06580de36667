"""A browser, played: it follows a login to the sandbox's consent page and back."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx2

from evergrant.sandbox import Sandbox
from tests.support.cli.runner import ALICE, Command

Browse = Callable[[str], None]


class Browser:
    """Stands in for the user's browser: opens in a thread what `webbrowser.open` is given."""

    def __init__(self, zoho: Sandbox) -> None:
        self.zoho = zoho
        self.user = ALICE
        self.allow = True
        self.before: Browse = lambda _redirect: None
        self.pages: list[httpx2.Response] = []
        self.opened: list[str] = []
        self.thread = threading.Thread()

    def open(self, url: str) -> bool:
        self.opened.append(url)
        self.thread = threading.Thread(target=self.visit, args=(url,))
        self.thread.start()
        return True

    def visit(self, url: str) -> None:
        redirect = self.zoho.consent(url, self.user, allow=self.allow)
        self.before(redirect)
        page = self.get(redirect)
        if page.is_redirect:
            self.visit(str(page.headers["location"]))

    def get(self, url: str, method: str = "GET") -> httpx2.Response:
        page = httpx2.request(method, url, trust_env=False)
        self.pages.append(page)
        return page


def by_browser(run: Command, zoho: Sandbox, browser: Browser, *more: str) -> tuple[int, str]:
    result = run("login", f"--sandbox={zoho.url}", *more)
    browser.thread.join()
    assert result.stdout == ""
    return result.exit_code, result.stderr
