"""No secret in what trackers make of a web app, task or request in which evergrant fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from evergrant import Accounts, Keeper, TokenStore
from evergrant.errors import EvergrantError
from evergrant.sandbox import Client, Sandbox
from tests.support.security.failing_steps import failures
from tests.support.security.frames import PACKAGE
from tests.support.security.tracked_tokens import CODE, MARK, Leaks
from tests.support.security.trackers import errors, values
from tests.support.soak import Soak
from tests.support.web.django_keeper import made
from tests.support.web.frameworks import environment, set_up_django

ALICE = "alice@example.com"
# A step that fails as something is given back leaves it open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ |= environment(tmp_path_factory.mktemp("django"))


@pytest.fixture
def keeper(marked_keeper: Keeper) -> Iterator[Keeper]:
    """Let a Django project find the keeper, too."""
    made.append(marked_keeper)
    yield marked_keeper
    made.pop()


Get = Callable[[str], Any]


@contextmanager
def flask(keeper: Keeper) -> Iterator[Get]:
    from flask_app.app import create

    app = create(keeper)
    app.testing = True
    yield app.test_client().get


@contextmanager
def fastapi(keeper: Keeper) -> Iterator[Get]:
    from starlette.testclient import TestClient

    from fastapi_app.app import create

    with TestClient(create(keeper), base_url="http://localhost", follow_redirects=False) as client:
        yield client.get


@contextmanager
def django(keeper: Keeper) -> Iterator[Get]:
    set_up_django()
    from django.db import connections
    from django.test import Client as Browser

    yield Browser(headers={"host": "localhost"}).get
    connections.close_all()


@pytest.fixture(params=[flask, fastapi, django])
def get(request: pytest.FixtureRequest, keeper: Keeper) -> Iterator[Get]:
    with request.param(keeper) as get:
        yield get


class Browser:
    """Somebody who logs in, and looks at leads."""

    def __init__(self, get: Get, zoho: Sandbox) -> None:
        self._get = get
        self._zoho = zoho
        self.callback = ""

    def begin(self) -> None:
        where = self._get("/zoho/login").headers["location"]
        back = self._zoho.consent(where, ALICE)
        self.callback = back.removeprefix("http://localhost")

    def finish(self) -> str:
        return _text(self._get(self.callback))

    def leads(self) -> str:
        return _text(self._get("/leads"))


def _text(answer: Any) -> str:
    body = getattr(answer, "text", None)
    return body if isinstance(body, str) else str(answer.content.decode())


@pytest.fixture
def browser(get: Get, planted: Sandbox) -> Browser:
    return Browser(get, planted)


def in_our_frames(error: BaseException) -> str:
    """Return the local variables of evergrant's own frames, as their ``repr``.

    Not the request, whose address brings the code: the frames of the server have it as well.
    """
    found = [value for one in errors(error) for value in values(one.__traceback__, PACKAGE)]
    return repr([value for value in found if not value[0].endswith(".request")])


def test_a_login_whose_save_fails(
    browser: Browser, marked_store: TokenStore, leaks: Leaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.begin()
    for name in ("_insert", "_update"):
        monkeypatch.setattr(marked_store, name, lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        browser.finish()
    assert leaks(caught.value, quickly=True) == []
    assert CODE not in in_our_frames(caught.value)


def test_a_login_that_fails_at_any_step(browser: Browser, leaks: Leaks, soak: Soak) -> None:
    browser.begin()
    assert MARK not in browser.finish()
    found = list(failures(browser.finish, every=soak.rounds(401, 29), before=browser.begin))
    assert [leak for error in found for leak in leaks(error, quickly=True)] == []
    assert not any(CODE in in_our_frames(error) for error in found)


def test_a_call_whose_refresh_fails(
    browser: Browser, planted: Sandbox, leaks: Leaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.begin()
    browser.finish()
    planted.clock.advance(hours=2)
    monkeypatch.setattr(Accounts, "refresh", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        browser.leads()
    assert leaks(caught.value, quickly=True) == []


def test_django_s_own_page_of_an_error(
    keeper: Keeper, planted: Sandbox, marked_store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with django(keeper) as get:
        browser = Browser(get, planted)
        browser.begin()
        monkeypatch.setattr(marked_store, "_insert", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError) as caught:
            browser.finish()
        from django.test import RequestFactory
        from django.views.debug import ExceptionReporter

        request = RequestFactory().get("/zoho/callback")
        error = caught.value
        page = ExceptionReporter(request, type(error), error, error.__traceback__)
        assert MARK not in page.get_traceback_html() + page.get_traceback_text()


def test_a_task_of_celery_that_fails(
    keeper: Keeper,
    registered: Client,
    planted: Sandbox,
    leaks: Leaks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from celery import Celery

    app = Celery("tasks", set_as_current=False)
    app.conf.task_always_eager = True

    @app.task(name="leads")  # type: ignore[untyped-decorator]
    def leads(user: str) -> str:
        return keeper.access_token(user)

    keeper.login_with_code(planted.grant_code(ALICE, client=registered, self_client=True))
    planted.clock.advance(hours=2)
    for trouble in (lambda *_, **__: 1 / 0, _refused):
        monkeypatch.setattr(Accounts, "refresh", trouble)
        done = leads.delay(ALICE)
        assert done.failed()
        assert MARK not in f"{done.traceback} {done.result!r} {done.result}"
        assert leaks(done.result) == []


def _refused(*_: object, **__: object) -> None:
    raise EvergrantError("no")
