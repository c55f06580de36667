"""The same app in each framework, served at an address of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from evergrant import Keeper
from web_visitor import served

__all__ = ["FRAMEWORKS"]


@contextmanager
def on_fastapi(keeper: Keeper, port: int) -> Iterator[str]:
    import uvicorn

    from fastapi_app.app import create

    server = uvicorn.Server(
        uvicorn.Config(create(keeper), host="127.0.0.1", port=port, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def on_flask(keeper: Keeper, port: int) -> Iterator[str]:
    from flask_app.app import create

    with served(create(keeper), port) as url:
        yield url


@contextmanager
def on_django(keeper: Keeper, port: int) -> Iterator[str]:
    import django
    from django.apps import apps
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    from evergrant.integrations.django import keeping

    if not apps.ready:
        django.setup()
        call_command("migrate", verbosity=0)
    keeping._made.clear()
    with served(get_wsgi_application(), port) as url:
        yield url


FRAMEWORKS: dict[str, Callable[[Keeper, int], AbstractContextManager[str]]] = {
    "fastapi": on_fastapi,
    "flask": on_flask,
    "django": on_django,
}
