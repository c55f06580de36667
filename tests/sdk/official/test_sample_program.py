"""The start-up function of Zoho's sample project, with one line changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import NEWER, SdkProcess, grant_of
from tests.support.sdk.stores import NOTHING, SAMPLE

ALICE = "alice@example.com"
SECRET = "17565609051856218813123b9a98de52c301722b7d"

SAMPLES_LINE = "from store.custom_store_sqlite import CustomStoreSQLite"
OUR_LINE = "from evergrant.zohocrmsdk import CustomStoreSQLite"

PROGRAM = f"""
from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.logger import Logger
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
{SAMPLES_LINE}

def init(self, client_id, code, location, redirect_url):
    environment = DataCenter.get(location)
    client_secret = "{SECRET}"
    logger = Logger.get_instance(level=Logger.Levels.INFO, file_path="./logs.txt")
    store = CustomStoreSQLite()
    token = OAuthToken(client_id=client_id, client_secret=client_secret, grant_token=code,
                       redirect_url=redirect_url)
    Initializer.initialize(environment=environment, token=token, logger=logger, store=store)
"""


@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize("moved", [False, True], ids=["from nothing", "from the sample's file"])
def test_it_starts_again_and_again_and_nobody_logs_in_twice(
    start: Callable[..., SdkProcess], zoho: Sandbox, version: str, *, moved: bool
) -> None:
    url = "https://app.example.com/callback"
    app = zoho.add_client(client_secret=SECRET, redirect_uris=[url])
    arguments = {
        "client_id": app.client_id,
        "code": zoho.grant_code(ALICE, client=app),
        "redirect_url": url,
    }
    if moved:
        grant = grant_of(zoho, ALICE) | {
            "client_id": app.client_id,
            "client_secret": SECRET,
            "grant_token": arguments["code"],
        }
        start(SAMPLE, version)("initialize", **grant)
    for _ in range(3):
        sdk = start(NOTHING, version)
        program = PROGRAM.replace(SAMPLES_LINE, OUR_LINE)
        sdk("init_record", program=program, location="us", **arguments)
        assert sdk("whoami") == ALICE
        zoho.clock.advance(hours=1)
    assert zoho.calls.count("/oauth/v2/token", "authorization_code") == 1
    assert zoho.calls.count("/oauth/v2/token", "refresh_token") == 2
