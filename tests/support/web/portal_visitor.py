"""A person at the student portal, as the server sees them: cookies, links and forms."""

from __future__ import annotations

import re
from html import unescape
from types import TracebackType
from typing import Self

import httpx2

from evergrant.sandbox import Sandbox
from tests.support.web.portal import Portal

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.eu"


class Visitor:
    """Follows no redirect unasked, and sends the forms that it has seen."""

    def __init__(self, portal: Portal, zoho: Sandbox, email: str = ALICE) -> None:
        self.zoho = zoho
        self.email = email
        self.http = httpx2.Client(base_url=portal.url, trust_env=False, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()

    def get(self, path: str) -> httpx2.Response:
        return self.http.get(path)

    def post(self, path: str, **values: str) -> httpx2.Response:
        return self.http.post(path, data={"form_token": self.form_token(), **values})

    def form_token(self) -> str:
        """Read it from the page with the most forms that this visitor can see."""
        page = self.get("/students/new").text
        found = re.search(r'name="form_token" value="([^"]+)"', page)
        return found[1] if found else ""

    def begin(self, path: str = "/login") -> str:
        """Return the address of Zoho's consent page."""
        answer = self.get(path)
        assert answer.status_code == 303
        return answer.headers["location"]

    def log_in(self, path: str = "/login") -> httpx2.Response:
        return self.get(self.zoho.consent(self.begin(path), self.email))

    def logged_in(self) -> bool:
        return self.get("/students").status_code == 200

    def students(self) -> list[str]:
        page = self.get("/students")
        assert page.status_code == 200, page.text
        return [unescape(name) for name in re.findall(r'href="/students/\d+">([^<]*)<', page.text)]

    def student_path(self) -> str:
        """Return the address of the newest student."""
        found = re.search(r'href="(/students/\d+)"', self.get("/students").text)
        assert found
        return found[1]

    def add(self, last_name: str, **values: str) -> httpx2.Response:
        return self.post("/students", Last_Name=last_name, **values)


def said(answer: httpx2.Response) -> str:
    """Return the words of a page, without its marks."""
    main = answer.text.partition("<main")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())
