"""What may happen to a token in its life: each incident, and the cause that explains it."""

from __future__ import annotations

from collections.abc import Callable

from evergrant import Token
from tests.support.cli.incident_app import Scene
from tests.support.cli.runner import ALICE, BOB
from tests.support.keeper.idle import until_idle


def never_logged_in(scene: Scene) -> str:
    scene.log_in(BOB)
    return "never here"


def a_slip_of_the_pen(scene: Scene) -> str:
    scene.store.save_token(Token(user_name="alica@example.com:1", access_token="a"))
    return "other name"


def two_orgs(scene: Scene) -> str:
    scene.log_in()
    scene.store.save_token(
        Token(user_name=f"{ALICE}:2", client_id=scene.zoho.client.client_id, access_token="a")
    )
    return "ambiguous"


def nothing_is_wrong(scene: Scene) -> str:
    scene.log_in()
    return "works"


def refreshed_ahead(scene: Scene) -> str:
    scene.log_in()
    scene.use(minutes=0)
    scene.use(minutes=57)
    return "ahead"


def refreshed_when_it_had_expired(scene: Scene) -> str:
    scene.log_in()
    scene.use(hours=2)
    return "expired"


def refreshed_since_the_api_rejected_it(scene: Scene) -> str:
    token = scene.log_in()
    scene.zoho.kill_access_token(str.__str__(token.access_token or ""))
    scene.keeper.replace_rejected(ALICE, token)
    return "rejected"


def refreshed_because_somebody_asked(scene: Scene) -> str:
    scene.log_in()
    scene.keeper.refresh(ALICE)
    return "asked"


def kept_fresh(scene: Scene) -> str:
    scene.log_in()
    scene.zoho.clock.advance(minutes=40)
    scene.keeper.refresh_due()
    until_idle(scene.keeper._manager)
    return "kept fresh"


def nobody_asked_since_it_expired(scene: Scene) -> str:
    scene.log_in()
    scene.zoho.clock.advance(hours=2)
    return "due"


def revoked_at_zoho(scene: Scene) -> str:
    scene.log_in()
    scene.zoho.revoke(ALICE)
    scene.use(hours=2)
    return "revoked at Zoho"


def revoked_by_an_admin(scene: Scene) -> str:
    scene.log_in()
    scene.cli("revoke", ALICE, "--yes")
    return "revoked"


def revoked_by_the_app(scene: Scene) -> str:
    scene.log_in()
    scene.keeper.revoke(ALICE)
    return "revoked"


def deleted(scene: Scene) -> str:
    scene.log_in()
    scene.cli("delete", ALICE, "--yes")
    return "deleted"


def moved_away(scene: Scene) -> str:
    scene.log_in()
    url = f"sqlite:///{scene.home}/tokens.db"
    result = scene.run("move", url, f"sqlite:///{scene.home}/new.db", "--delete-source")
    assert result.exit_code == 0, result.output
    return "moved"


INCIDENTS: list[Callable[[Scene], str]] = [
    never_logged_in,
    a_slip_of_the_pen,
    two_orgs,
    nothing_is_wrong,
    refreshed_ahead,
    refreshed_when_it_had_expired,
    refreshed_because_somebody_asked,
    refreshed_since_the_api_rejected_it,
    kept_fresh,
    nobody_asked_since_it_expired,
    revoked_at_zoho,
    revoked_by_an_admin,
    revoked_by_the_app,
    deleted,
    moved_away,
]
