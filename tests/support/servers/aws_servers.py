"""Amazon's services as moto's server plays them: an emulator, over a real socket.

It is weaker than what it plays: its transactions are not isolated from each other. So it answers
one request at a time; what it shows of a store is the store's own part.
"""

from __future__ import annotations

import copy
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from secrets import token_hex
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler

__all__ = ["Emulator", "Table", "aws", "dynamodb", "dynamodb_url", "emulator", "secrets_url"]

REGION = "eu-central-1"


def _copied(thing: Any) -> Any:
    """Copy what a transaction keeps to go back to: items are replaced in it, and never changed."""
    if type(thing).__name__ != "Table":
        return copy.deepcopy(thing)
    table = copy.copy(thing)
    table.items = defaultdict(dict, {key: dict(row) for key, row in thing.items.items()})
    return table


def _in_order(table: Any) -> list[Any]:
    """Return the items of a table as moto does, whose own way converts them in each comparison."""
    rows = table.items.values()
    items = [item for row in rows for item in (row.values() if table.range_key_attr else [row])]
    return sorted(items, key=_place)


def _place(item: Any) -> tuple[Any, ...]:
    keys = (item.hash_key, item.range_key) if item.range_key else (item.hash_key,)
    return tuple(key.cast_value for key in keys)


class Quiet(WSGIRequestHandler):
    """Writes no line for each request, and keeps connections, as Amazon's servers do."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece

    def run_wsgi(self) -> None:
        """Answer a request; werkzeug's own way closes the connection after it."""
        status, headers, body = "", list[tuple[str, str]](), list[bytes]()

        def start(
            given: str, fields: list[tuple[str, str]], _: object = None, /
        ) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = given, fields
            return body.append

        body.extend(self.server.app(self.make_environ(), start))
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(sum(map(len, body))))
        self.end_headers()
        self.wfile.write(b"".join(body))
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class Emulator:
    """A running server.

    Attributes:
        url: Its address.
    """

    def __init__(self) -> None:
        from botocore.loaders import JSONFileLoader
        from moto.dynamodb import models
        from moto.dynamodb.models import table
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        # Read once for each client otherwise: the descriptions of the services are large.
        JSONFileLoader.load_file = staticmethod(cache(JSONFileLoader().load_file))
        vars(models)["copy"] = SimpleNamespace(copy=copy.copy, deepcopy=_copied)
        table.Table.all_items = _in_order  # type: ignore[method-assign,assignment]
        self._one_at_a_time = threading.Lock()
        self._refusals: list[dict[str, str] | None] = []
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet
        )
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def refuse(self, code: str, message: str = "", *, after: int = 0, times: int = 1_000) -> None:
        """Answer the service's own error instead of executing requests.

        Args:
            after: How many requests are executed before that.
            times: How many are refused then, before all is well again.
        """
        self._refusals = [None] * after + [{"__type": code, "message": message}] * times

    def relent(self) -> int:
        """Refuse no more; return how many requests would have been."""
        left, self._refusals = self._refusals, []
        return len(left)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self._one_at_a_time:
            if self._refusals and (refusal := self._refusals.pop(0)):
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
                return [json.dumps(refusal).encode()]
            return list(self._app(environ, start))

    def reset(self) -> None:
        """Forget everything: its transactions copy all that there is."""
        from moto.moto_api._internal.models import moto_api_backend

        with self._one_at_a_time:
            moto_api_backend.reset()
            self._refusals = []

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    emulator = Emulator()
    yield emulator
    emulator.close()


@pytest.fixture
def aws(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of a server that knows nothing yet."""
    # Any will do: nothing leaves this machine.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    emulator.reset()
    return emulator.url


class Table:
    """An empty store in DynamoDB.

    Attributes:
        url: Where it is.
    """

    def __init__(self, endpoint: str) -> None:
        self.url = (
            f"dynamodb://tokens?region={REGION}&endpoint_url={endpoint}&prefix=t{token_hex(8)}"
        )


@pytest.fixture
def dynamodb(aws: str) -> Table:
    return Table(aws)


@pytest.fixture
def dynamodb_url(dynamodb: Table) -> str:
    """Return the URL of an empty store."""
    return dynamodb.url


@pytest.fixture
def secrets_url(aws: str) -> str:
    """Return the URL of an empty store in Secrets Manager."""
    return f"aws-secretsmanager://app?region={REGION}&endpoint_url={aws}&prefix=t{token_hex(8)}"
