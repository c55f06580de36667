"""Where the SDK's calls go in each of its environments; runs where it is installed."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import requests
from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig

from evergrant.clock import utc_now
from evergrant.token import Token
from evergrant.zohocrmsdk import OAuthToken as OurToken


class Environments:
    """The steps of a session that are about environments."""

    version: str
    store: Any

    def hosts_called(
        self,
        center: str,
        kind: str,
        api_domains: list[str | None],
        ours: bool = False,  # noqa: FBT001, FBT002 - from JSON
        follows: bool | None = None,  # noqa: FBT001 - from JSON
    ) -> list[str]:
        """Return the hosts that calls of users go to, one after the other.

        Args:
            center: The SDK's name of a data center, such as ``US``.
            kind: Its environment that the program asks for.
            api_domains: What the stored token of each user says.
            ours: Use evergrant's OAuthToken.
            follows: ``update_api_domain``; None: as it is by default.
        """
        homes = import_module("zohocrmsdk.src.com.zoho.crm.api.dc")
        environment = getattr(getattr(homes, f"{center}DataCenter"), kind)()
        flag = {} if follows is None else {"update_api_domain": follows}
        rows = [self._row(n, api_domain) for n, api_domain in enumerate(api_domains)]
        hosts = []

        def note(_: Any, request: Any, **__: Any) -> Any:
            hosts.append(str(urlsplit(request.url).hostname))
            raise requests.ConnectionError

        kind_of_token = OurToken if ours else OAuthToken
        for number, row in enumerate(rows):
            token = kind_of_token(id=row.id)
            if number:
                Initializer.switch_user(token=token)
            else:
                config = SDKConfig(**flag)
                Initializer.initialize(
                    environment, token, store=self.store, sdk_config=config, resource_path="."
                )
            called = len(hosts)
            with mock.patch.object(requests.Session, "send", note), suppress(Exception):
                self.whoami()  # type: ignore[attr-defined]
            hosts[called + 1 :] = []
        return hosts

    def _row(self, number: int, api_domain: str | None) -> Token:
        row: Token = self.store.bridge.store.save_token(
            Token(
                user_name=f"user{number}@example.com:1",
                client_id="1000.C",
                client_secret="s",
                refresh_token=f"1000.r{number}",
                access_token=f"1000.a{number}",
                expires_at=utc_now() + timedelta(hours=1),
                api_domain=api_domain,
            )
        )
        return row
