"""A sandbox in another process: what it tells of itself, and whom it is believed from."""

from __future__ import annotations

import socket

import pytest

from evergrant.errors import ConfigError
from evergrant.sandbox import Sandbox
from evergrant.sandbox.messages import Response, json_response
from evergrant.sandbox.server import Server
from evergrant.testing.sandbox_client import RemoteSandbox


def test_it_tells_what_it_takes_to_use_it(zoho: Sandbox) -> None:
    remote = RemoteSandbox.at(zoho.url)
    assert remote.data_centers.codes == ("us", "eu")
    for code in ("us", "eu"):
        assert remote.data_centers.by_code(code) == zoho.data_center(code)
    with remote.accounts(data_center="eu") as accounts:
        token = accounts.exchange(zoho.grant_code("carol@example.eu"))
        assert accounts.home_data_center == zoho.data_center("eu")
        assert accounts.fetch_owner(token)[0].startswith("carol@example.eu:")
        zoho.clock.advance(hours=5)
        assert (
            abs((RemoteSandbox.at(zoho.url).accounts().clock() - zoho.clock()).total_seconds()) < 1
        )


def test_any_of_its_ports_tells_it(zoho: Sandbox) -> None:
    urls = zoho.data_center("eu").api_urls
    assert len({RemoteSandbox.at(url).client_id for url in urls}) == 1


def test_its_secret_does_not_show(zoho: Sandbox) -> None:
    remote = RemoteSandbox.at(zoho.url)
    assert remote.client_secret == zoho.client.client_secret
    assert zoho.client.client_secret not in repr(remote)


@pytest.mark.parametrize(
    "url",
    [
        "https://accounts.zoho.com",
        "https://127.0.0.1:8790",
        "http://10.0.0.1:8790",
        "http://sandbox.example.com",
        "http://127.0.0.1:8790/path",
        "http://127.0.0.1@evil.example",
        "127.0.0.1:8790",
        "8790",
    ],
)
def test_only_an_address_of_this_machine_is_asked(url: str) -> None:
    with pytest.raises(ConfigError):
        RemoteSandbox.at(url)


def test_nobody_there_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConfigError, match=f"no sandbox answers at http://127.0.0.1:{port}"):
        RemoteSandbox.at(f"http://127.0.0.1:{port}")


PLACE = {"code": "us", "accounts_url": "http://127.0.0.1:1", "api_url": "http://127.0.0.1:1"}
CLIENT = {"client_id": "id", "client_secret": "secret"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(404), "no sandbox answers"),
        (Response(200, {}, b"<html>"), "no sandbox answers"),
        (json_response([]), "no sandbox answers"),
        (json_response({}), "no sandbox answers"),
        (json_response({"data_centers": [PLACE]}), "no sandbox answers"),
        (json_response({"data_centers": [], **CLIENT}), "no sandbox answers"),
        (json_response({"data_centers": [{"code": "us"}], **CLIENT}), "no sandbox answers"),
        (json_response({"data_centers": [{**PLACE, "x": 1}], **CLIENT}), "no sandbox answers"),
        (
            json_response(
                {"data_centers": [{**PLACE, "api_url": "https://evil.example"}], **CLIENT}
            ),
            "not a sandbox",
        ),
        (
            json_response(
                {"data_centers": [{**PLACE, "sandbox_url": "http://e.example"}], **CLIENT}
            ),
            "unencrypted",
        ),
    ],
)
def test_what_answers_otherwise_is_not_believed(answer: Response, why: str) -> None:
    server = Server()
    port = server.listen(0, lambda _request: answer)
    server.start()
    try:
        with pytest.raises(ConfigError, match=why):
            RemoteSandbox.at(f"http://127.0.0.1:{port}")
    finally:
        server.stop()
