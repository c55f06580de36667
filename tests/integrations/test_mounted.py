"""An app that is mounted below another's path: its pages are there, too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from werkzeug.test import Client, TestResponse

from evergrant import Keeper
from web_frameworks import FRAMEWORKS

TOKEN = "a" * 32  # Django's forms have such a one
PAGE = {"Accept": "text/html", "X-CSRFToken": TOKEN}


def asked(framework: str, keeper: Keeper, method: str, path: str) -> tuple[int, str]:
    """Ask an app below ``/app``; return the status and where the answer leads."""
    if framework == "fastapi":
        return asyncio.run(asked_of_fastapi(keeper, method, path))
    if framework == "flask":
        from flask_app.app import create

        app = create(keeper)
    else:
        from django.core.wsgi import get_wsgi_application

        app = get_wsgi_application()
    client = Client(app)
    client.set_cookie("csrftoken", TOKEN, domain="localhost")
    answer: TestResponse = client.open(
        path, method=method, base_url="http://localhost/app/", headers=PAGE
    )
    return answer.status_code, answer.headers.get("Location", "")


async def asked_of_fastapi(keeper: Keeper, method: str, path: str) -> tuple[int, str]:
    from fastapi_app.app import create

    below = httpx2.ASGITransport(create(keeper), root_path="/app")
    async with httpx2.AsyncClient(transport=below, base_url="http://localhost") as client:
        answer = await client.request(method, f"/app{path}", headers=PAGE)
    return answer.status_code, answer.headers.get("location", "")


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest, keeper: Keeper, port: int) -> Iterator[str]:
    with FRAMEWORKS[request.param](keeper, port):
        yield request.param


def test_the_way_to_the_login_and_back(framework: str, keeper: Keeper) -> None:
    status, where = asked(framework, keeper, "GET", "/leads?page=1")
    assert status in (302, 303)
    parts = urlsplit(where)
    assert parts.path == "/app/zoho/login"
    assert parse_qs(parts.query)["next"] == ["/app/leads?page=1"]


def test_an_error_of_the_login_does_not_go_round(framework: str, keeper: Keeper) -> None:
    status, _ = asked(framework, keeper, "GET", "/zoho/callback?error=access_denied&state=x")
    assert status == 400


def test_who_logs_out_comes_to_the_app(framework: str, keeper: Keeper) -> None:
    status, where = asked(framework, keeper, "POST", "/zoho/logout")
    assert (status, where) in [(302, "/app/"), (303, "/app/")]
