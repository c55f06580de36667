"""The same app in each framework, served at an address of its own, at its root or below."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from evergrant import Keeper
from tests.support.web.visitor import address_of, mounted, served

__all__ = ["FRAMEWORKS", "environment", "set_up_django"]

sys.path.append(str(Path(__file__).parents[3] / "examples"))  # apps are started from there


@contextmanager
def on_fastapi(keeper: Keeper, door: socket.socket, root: str) -> Iterator[str]:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from fastapi_app.app import create

    app = create(keeper)
    whole = Starlette(routes=[Mount(root, app)]) if root else app
    server = uvicorn.Server(uvicorn.Config(whole, log_level="error"))
    thread = threading.Thread(target=server.run, args=([door],))
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    try:
        yield address_of(door)
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def on_flask(keeper: Keeper, door: socket.socket, root: str) -> Iterator[str]:
    from flask_app.app import create

    with served(mounted(create(keeper), root), door) as url:
        yield url


@contextmanager
def on_django(keeper: Keeper, door: socket.socket, root: str) -> Iterator[str]:
    from django.core.wsgi import get_wsgi_application

    set_up_django()
    with served(mounted(get_wsgi_application(), root), door) as url:
        yield url


def environment(folder: Path) -> dict[str, str]:
    """Return the environment that the apps run in.

    Args:
        folder: Where Django's database is.
    """
    return {
        "SESSION_SECRET": "a secret of the tests",
        "INSECURE_COOKIES": "1",
        "DJANGO_SETTINGS_MODULE": "django_app.settings",
        "DATABASE": str(folder / "db.sqlite3"),
        "KEEPER": "tests.support.web.django_keeper.the_keeper",
    }


def set_up_django() -> None:
    """Have Django's project ready in this process, and its keeper made anew."""
    import django
    from django.apps import apps
    from django.core.management import call_command

    if not apps.ready:
        django.setup()
        call_command("migrate", verbosity=0)
    from evergrant.integrations.django import conf

    conf._keepers.clear()


FRAMEWORKS: dict[str, Callable[[Keeper, socket.socket, str], AbstractContextManager[str]]] = {
    "fastapi": on_fastapi,
    "flask": on_flask,
    "django": on_django,
}
