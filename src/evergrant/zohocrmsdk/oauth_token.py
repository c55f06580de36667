"""`OAuthToken`: the official SDK's token, with features that a store alone cannot add."""

from __future__ import annotations

from functools import partial
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken as OfficialToken
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature

from evergrant._masking import masks_locals, masks_methods
from evergrant.auth import AUTHORIZATION, authorization_header, is_rejection
from evergrant.datacenter import origin_of
from evergrant.errors import TokenNotFound
from evergrant.token import Token
from evergrant.zohocrmsdk.bridge import SDKBridge, bridge_of
from evergrant.zohocrmsdk.sdk_config import sdk_config
from evergrant.zohocrmsdk.stream_positions import StreamPositions
from evergrant.zohocrmsdk.token_mapping import (
    copy_from_sdk,
    copy_to_sdk,
    raising_sdk_errors,
    token_identity,
    wants_user_name,
)

__all__ = ["OAuthToken"]


@masks_methods
class OAuthToken(OfficialToken):
    """Replaces the SDK's token, and is made and used in the same way (SDKs 5.0 to 8.0).

    With a store of evergrant's, it asks the store for each call. A call that Zoho rejects with
    INVALID_TOKEN is sent once more with a refreshed token. A token of another data center or
    environment is sent to its own API, without switching other threads to it. ``revoke`` revokes
    the right token and deletes it. The SDK's timeouts and proxy also apply to token requests.
    With any other store, it behaves as the SDK's own.
    """

    def get_token(self) -> str:
        """Return a working access token, as plain text.

        Raises:
            SDKException: There is no working token; the cause is an
                `evergrant.errors.EvergrantError`.
        """
        bridge = bridge_of(Initializer.get_initializer())
        if bridge is None:
            return str(super().get_token())
        with raising_sdk_errors(SDKException):
            return str.__str__(self._resolve(bridge).access_token)

    def authenticate(self, url_connection: Any) -> None:
        """Sign a call that the SDK is about to send, and retry it if Zoho rejects the token.

        Raises:
            SDKException: There is no working token.
        """
        bridge = bridge_of(Initializer.get_initializer())
        if bridge is None:
            super().authenticate(url_connection)
        elif AUTHORIZATION not in url_connection.headers:
            with raising_sdk_errors(SDKException):
                token = self._resolve(bridge)
                url_connection.url = self._call_url(bridge, token, url_connection.url)
            # A copy of the headers: the SDK passes the program's own HeaderMap, in which the token
            # would also sign the next call, perhaps another user's.
            url_connection.headers = {
                **url_connection.headers,
                AUTHORIZATION: authorization_header(token),
            }
            send = url_connection.fire_request
            url_connection.fire_request = partial(self._send, bridge, token, url_connection, send)

    @masks_locals
    def _send(
        self, bridge: SDKBridge, token: Token, connection: Any, send: Any, converter: Any
    ) -> Any:
        bookmarks = StreamPositions(connection.request_body)
        response = send(converter)
        if not is_rejection(response.status_code, response.content):
            return response
        # Not surfacing(): an SDKException from here the SDK only logs, and answers None. Of any
        # other error it makes one with that cause, and raises it.
        refreshed = bridge.replace_rejected(token, sdk_config(Initializer.get_initializer()))
        self._fill(bridge, refreshed)
        if not bookmarks.restore():
            return response  # what it read cannot be read again; the next call has the new token
        connection.add_header(AUTHORIZATION, authorization_header(refreshed))
        return send(converter)

    def _call_url(self, bridge: SDKBridge, token: Token, url: str) -> str:
        """Return the URL for a call that the SDK built for its current environment.

        That may be another user's environment, and a token must not be sent to another data center.

        Raises:
            UntrustedServer: The token's API domain is not one of Zoho's.
        """
        initializer = Initializer.get_initializer()
        config = sdk_config(initializer)
        token = bridge.routed(token, config)
        environment, own = initializer.environment, origin_of(token.api_domain)
        if own is None or own == origin_of(environment.url):
            return url
        where = bridge.data_center_of(token, config)
        uploads = where.upload_url or own
        for base, home in ((environment.url, own), (environment.file_upload_url, uploads)):
            here = base.rstrip("/")
            if url.startswith(f"{here}/"):
                return home + url.removeprefix(here)
        return url  # a URL from the program or from Zoho, such as a download

    def revoke(self, id1: str | None = None) -> bool:
        """Revoke the token with this id at Zoho, and delete it from the store.

        Args:
            id1: The id (the SDK's name for it). Default: this token's id.

        Returns:
            Whether the token existed and was valid.

        Raises:
            SDKException: Zoho could not be reached; the token stays in the store.
        """
        bridge, id_ = bridge_of(Initializer.get_initializer()), id1 or self.get_id()
        if bridge is None:
            return bool(super().revoke(id_))
        with raising_sdk_errors(SDKException):
            return bool(id_) and bridge.revoke(id_, sdk_config(Initializer.get_initializer()))

    def _resolve(self, bridge: SDKBridge) -> Token:
        token = bridge.cached(*token_identity(self))
        if token is None:
            asked = copy_from_sdk(self)
            config = sdk_config(Initializer.get_initializer())
            token = bridge.resolve(asked, config, find_user=wants_user_name(self))
            if token is None:
                raise TokenNotFound(
                    "the token is not in the store", token_id=asked.id, user=asked.user_name
                )
        self._fill(bridge, token)
        return token

    def _fill(self, bridge: SDKBridge, token: Token) -> None:
        copy_to_sdk(
            self, bridge.routed(token, sdk_config(Initializer.get_initializer())), UserSignature
        )
