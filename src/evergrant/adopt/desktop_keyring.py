"""The grant of robsannaa's zoho-cli in the keyring of the desktop.

The service is ``zoho-cli``, the name is the user's address, and the password is JSON:
``{refresh_token, scopes, created_at, accounts_server}``. Its client is in ``config.json``.
"""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime

from evergrant._masking import masks_locals
from evergrant.adopt.documents import read_document
from evergrant.adopt.found import Found
from evergrant.datacenter import DataCenters

__all__ = ["read_keyring"]

SERVICE = "zoho-cli"


@masks_locals
def read_keyring(known: DataCenters, now: datetime) -> tuple[list[Found], list[str]]:
    """Return the grant in the keyring, and a problem with it; nothing if it has no such entry.

    A keyring does not list its entries: it returns one of the service's.
    """
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return [], ["the package keyring is not installed: pip install 'evergrant[keyring]'"]
    try:
        entry = keyring.get_credential(SERVICE, None)
    except KeyringError as error:
        return [], [f"it cannot be read: {type(error).__name__}"]
    if entry is None:
        return [], []
    text = io.BytesIO(entry.password.encode())
    grants, _, problem = read_document(text, SERVICE, known, now, trusted=True)
    owner = entry.username or SERVICE
    return (
        [replace(one, shape="keyring entry", source="keyring", key=owner) for one in grants],
        [problem] if problem else [],
    )
