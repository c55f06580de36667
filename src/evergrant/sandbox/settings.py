"""Every limit and habit of Zoho's that documents or captures disagree on, as a setting."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from evergrant.sandbox.crm.context import CrmSettings

__all__ = ["Settings"]

_UNLIMITED = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this Zoho behaves; the defaults are what CRM v8 documents.

    Sources, by short name. Validity:
    https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html. Limits:
    https://www.zoho.com/accounts/protocol/oauth/token-limits.html. Kaizen:
    https://help.zoho.com/portal/en/community/topic/kaizen-43-tokens-and-limitations. Books:
    https://www.zoho.com/books/api/v3/oauth/.

    Attributes:
        code_life: How long a grant code works: 2 minutes
            (https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html, Books);
            Validity says 3, other products 1.
        self_client_code_life: The same for a code made by hand in the API console: 3 minutes
            unless chosen longer (Validity, Books).
        access_token_life: 1 hour (Validity, Limits).
        active_access_tokens: How many of one refresh token work at a time; one more drops the
            oldest: 15 (Validity, Kaizen); Limits says 10, other products 30.
        mints: Access tokens minted with one refresh token in a window: 10 (Validity, Limits).
        grants: Grant codes for one client in a window: 10 (Validity).
        refresh_mints: Refresh tokens for one user and client in a window: 10 (Kaizen); others
            say 5 a minute (https://www.zoho.com/workerly/developer-guide/refresh.html).
        refresh_tokens_per_user: How many a user has for one client; one more drops the oldest,
            with its access tokens: 20 (Validity, Kaizen).
        window: The span that mints, grants and refresh_mints are counted in (Validity).
        throttle_status: The status of a throttled token request: 400 was seen, Kaizen says 200.
        token_error_status: The status of every other refused token request: 200
            (https://github.com/asciisd/zoho/issues/6 shows it raw).
        send_scope: Whether the token answer says what was granted: newer documents show it
            (https://www.zoho.com/fsm/developer/help/api/refresh-token.html), older ones not.
        issue_expires_in: Whether the token answer says how long it lives; it was seen to leave
            that out (https://github.com/tristanjahier/zoho-crm-php/issues/9).
        legacy_expires_in: Answer as before 2020: ``expires_in`` in milliseconds beside
            ``expires_in_sec`` (https://github.com/googleworkspace/apps-script-oauth2/issues/198).
        strict_header: Take only ``Zoho-oauthtoken`` in the Authorization header, as Books asks;
            ``Bearer`` is not documented for CRM but was seen to work.
        allow_json: Read parameters from a JSON body at the token endpoint; Zoho does not
            (Books: invalid_client).
        loopback_any_port: Let a registered ``http://127.0.0.1/callback`` stand for any port
            of the loopback interface, as a command line needs. Zoho itself compares redirect
            URIs exactly.
        strict: Refuse what Zoho documents and the sandbox does not have: fields and modules that
            were not declared, parameters, headers. Else go on: keep such fields and modules,
            pass over the rest. Either way ``X-Sandbox-Missing`` names it.
        frozen_clock: Let time pass only by ``clock.advance``.
        crm: The limits of the CRM's own API.
    """

    code_life: timedelta = timedelta(minutes=2)
    self_client_code_life: timedelta = timedelta(minutes=3)
    access_token_life: timedelta = timedelta(hours=1)
    active_access_tokens: int = 15
    mints: int = 10
    grants: int = 10
    refresh_mints: int = 10
    refresh_tokens_per_user: int = 20
    window: timedelta = timedelta(minutes=10)
    throttle_status: int = 400
    token_error_status: int = 200
    send_scope: bool = True
    issue_expires_in: bool = True
    legacy_expires_in: bool = False
    strict_header: bool = False
    allow_json: bool = False
    loopback_any_port: bool = True
    strict: bool = True
    frozen_clock: bool = False
    crm: CrmSettings = field(default_factory=CrmSettings)

    def without_limits(self) -> Settings:
        """Return the same with no limit on the number of codes, tokens and API calls."""
        return replace(
            self,
            active_access_tokens=_UNLIMITED,
            mints=_UNLIMITED,
            grants=_UNLIMITED,
            refresh_mints=_UNLIMITED,
            refresh_tokens_per_user=_UNLIMITED,
            crm=replace(self.crm, credits_per_day=_UNLIMITED),
        )
