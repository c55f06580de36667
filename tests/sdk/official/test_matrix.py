"""Every version of Zoho's SDK on every store: one story, in which nobody logs in twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import NEWER, OLDER, SdkProcess, grant_of, name_of
from tests.support.sdk.stores import (
    LASTING,
    OFFICIAL_FILE,
    OFFICIAL_TABLE,
    OUR_FILE,
    OUR_MARIADB,
    OUR_SQLITE,
    OURS,
    SAMPLE,
)

Start = Callable[..., SdkProcess]

TOKEN = "/oauth/v2/token"
USERS = [f"user{number}@example.com" for number in range(12)]


class Program:
    """What uses the SDK for the same twelve users each time it is started."""

    def __init__(self, start: Start, zoho: Sandbox, store: str, version: str) -> None:
        self._start, self._zoho, self._store, self._version = start, zoho, store, version
        self._grants = {user: grant_of(zoho, user) for user in USERS}
        self.restart()

    def restart(self) -> None:
        self.process = self._start(self._store, self._version)
        self._begun = False

    def token(self, user: str) -> dict[str, str]:
        """Return what it configures the SDK with; the grants were used up long ago."""
        if self._version in OLDER:
            return {"user": user, **self._grants[user]}
        named = {"user_name": name_of(self._zoho, user)}
        if self._version == "5_0":  # does not ask Zoho whose a grant is
            return named | self._grants[user]
        return self._grants[user]

    def serve(self, users: list[str]) -> None:
        """Act as each user, and get their data."""
        for user in users:
            self.process("switch" if self._begun else "initialize", **self.token(user))
            self._begun = True
            assert self.process("whoami") == user


@pytest.mark.parametrize("store", OURS)
@pytest.mark.parametrize("version", [*NEWER, *OLDER])
def test_twelve_users_log_in_once(start: Start, zoho: Sandbox, store: str, version: str) -> None:
    for user in USERS:
        zoho.add_user(user)
    program = Program(start, zoho, store, version)
    program.serve(USERS)
    if store in LASTING:
        program.process.kill()
        program.restart()
        program.serve(USERS[::-1])
    assert refreshes(zoho) == 0

    zoho.clock.advance(hours=1)
    program.serve(USERS)
    program.serve(USERS)
    sdk = program.process
    ids = {email_of(token): token["id"] for token in sdk("get_tokens")}
    assert sorted(ids) == sorted(USERS)
    assert {user: sdk("use_stored", token_id=id_) for user, id_ in ids.items()} == {
        user: user for user in USERS
    }
    assert refreshes(zoho) == len(USERS)

    gone, left = USERS[:2], USERS[2:]
    program.serve(gone[:1])
    if version in NEWER:
        assert sdk("revoke_as_ours", token_id=ids[gone[0]])
        sdk("delete_token", token_id=ids[gone[1]])
    else:
        assert sdk("remove")
        sdk("delete_token", user=gone[1])
    assert {email_of(token) for token in sdk("get_tokens")} == set(left)
    program.serve(left)
    assert refreshes(zoho) == len(USERS)
    assert zoho.calls.count(TOKEN, "authorization_code") == len(USERS)


@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(OFFICIAL_FILE, OUR_FILE), (OFFICIAL_TABLE, OUR_MARIADB), (SAMPLE, OUR_SQLITE)],
)
def test_an_app_moves_over_process_by_process_and_nobody_notices(
    start: Start, zoho: Sandbox, theirs: str, ours: str, version: str
) -> None:
    user, grant = "alice@example.com", grant_of(zoho, "alice@example.com")
    first = start(theirs, version)
    first("initialize", **grant)
    second = start(ours, version)
    second("initialize", **grant)
    for sdk in (second, first, second):
        zoho.clock.advance(hours=1)
        assert sdk("whoami") == user
        assert [one("whoami") for one in (first, second)] == [user, user]
    assert refreshes(zoho) == 3
    assert zoho.calls.count(TOKEN, "authorization_code") == 1


def refreshes(zoho: Sandbox) -> int:
    return zoho.calls.count(TOKEN, "refresh_token")


def email_of(token: dict[str, str]) -> str:
    return (token.get("user_name") or token["user_mail"]).partition(":")[0]
