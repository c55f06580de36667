"""What our OAuthToken does with a call that it signs: where it goes, and with which headers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from socket import socket

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import NEWER, Refused, SdkProcess, name_of
from tests.support.sdk.stores import OFFICIAL_FILE, OUR_SQLITE, OUR_TOKEN, sdk_token
from tests.support.servers.scripted_server import Script, Server, serving

Start = Callable[..., SdkProcess]

ALICE, BOB = "alice@example.com", "bob@example.com"
EU, PATH = "https://www.zohoapis.eu", "/crm/v8/upload"
FILE = "the rows of a bulk write"


def rejecting(times: int) -> Script:
    """Reject the token of the first calls, then accept each."""
    answers = iter([(401, "INVALID_TOKEN")] * times)

    def script(connection: socket, request: bytes) -> None:
        del request
        status, code = next(answers, (200, "FILE_UPLOAD_SUCCESS"))
        said = {"code": code, "status": "error", "message": "", "details": {}}
        body = json.dumps(said).encode()
        head = f"HTTP/1.1 {status} .\r\ncontent-type: application/json\r\ncontent-length: "
        connection.sendall(head.encode() + f"{len(body)}\r\n\r\n".encode() + body)

    return script


@pytest.fixture
def uploads(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve a host of uploads that rejects so many calls at first."""
    with serving(rejecting(request.param)) as server:
        yield server


@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize("uploads", [0], indirect=True)
def test_an_upload_goes_to_the_host_of_records(start: Start, uploads: Server, version: str) -> None:
    sdk = start(OUR_TOKEN, version)
    sdk.log_in(ALICE)
    assert sdk("upload", host=uploads.url, text=FILE) == 200
    assert FILE.encode() in uploads.seen[0]


@pytest.mark.parametrize("uploads", [1], indirect=True)
def test_an_upload_that_is_sent_again_is_empty(start: Start, uploads: Server) -> None:
    sdk = start(OUR_TOKEN)
    sdk.log_in(ALICE)
    assert sdk("upload", host=uploads.url, text=FILE) == 200
    assert [FILE.encode() in request for request in uploads.seen] == [True, True]


@pytest.mark.parametrize("uploads", [1], indirect=True)
def test_an_upload_that_can_be_read_once_is_sent_again_empty(start: Start, uploads: Server) -> None:
    sdk = start(OUR_TOKEN)
    sdk.log_in(ALICE)
    assert sdk("upload", host=uploads.url, text=FILE, once=True) == 401
    assert sdk("upload", host=uploads.url, text=FILE, once=True) == 200
    assert [FILE.encode() in request for request in uploads.seen] == [True, True]


def test_an_upload_is_shown_to_another_data_center(start: Start) -> None:
    sdk = start(OUR_TOKEN)
    eve = sdk_token("eve", api_domain=EU)
    sdk("save_token", **eve)
    sdk("initialize", user_name=eve["user_name"])
    here = "https://content.zohoapis.com"
    assert sdk("signed_upload", host=here, path=PATH) == f"https://content.zohoapis.eu{PATH}"


def test_a_token_is_sent_to_a_server_that_is_not_zohos(start: Start) -> None:
    sdk = start(OUR_TOKEN)
    eve = sdk_token("eve", api_domain="https://api.example.com")
    sdk("save_token", **eve)
    sdk("initialize", user_name=eve["user_name"])
    with pytest.raises(Refused) as refused:
        sdk("signed", path=PATH)
    assert refused.value.kinds == ["SDKException", "UntrustedServer"]


@pytest.mark.parametrize("version", NEWER[:3])
@pytest.mark.parametrize(
    ("store", "way", "answers"),
    [
        (OFFICIAL_FILE, "switch_user", [ALICE, ALICE]),
        (OUR_SQLITE, "switch_user", [ALICE, ALICE]),
        (OUR_TOKEN, "switch_user", [ALICE, BOB]),
        (OUR_TOKEN, "acting_as", [ALICE, BOB]),
    ],
)
def test_headers_that_are_used_twice_carry_the_first_users_token(
    start: Start, zoho: Sandbox, store: str, way: str, answers: list[str], version: str
) -> None:
    sdk = start(store, version)
    for user in (ALICE, BOB):
        sdk.log_in(user)
    users = [name_of(zoho, user) for user in (ALICE, BOB)]
    assert sdk("with_one_header_map", way=way, users=users) == answers
