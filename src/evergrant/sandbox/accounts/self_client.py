"""Grant codes that no consent page made: the API console's, for a self client."""

from __future__ import annotations

from datetime import datetime

from evergrant.sandbox.accounts.grants import new_token
from evergrant.sandbox.accounts.scopes import read_scopes
from evergrant.sandbox.models import Client, Code, Org, User
from evergrant.sandbox.request_context import SandboxState

__all__ = ["issue_code"]


def issue_code(
    state: SandboxState,
    now: datetime,
    user: User,
    org: Org,
    scopes: str,
    *,
    client: Client,
    redirect_uri: str | None = None,
    offline: bool = True,
    prompt_consent: bool = True,
    self_client: bool = True,
) -> Code:
    """Return a new code of a user.

    Args:
        scopes: With commas between.

    Raises:
        ValueError: A scope is none.
    """
    asked = read_scopes(scopes)
    if asked is None:
        raise ValueError("scopes have the form service.name.operation")
    settings, grants = state.settings, state.grants
    life = settings.self_client_code_life if self_client else settings.code_life
    refresh = grants.consent(user, client.client_id, offline=offline, again=prompt_consent)
    code = Code(
        value=new_token(),
        client_id=client.client_id,
        user=user,
        org=org,
        scopes=asked,
        redirect_uri=redirect_uri,
        expires_at=now + life,
        refresh=refresh,
    )
    grants.add_code(code, now)
    return code
