"""What may go wrong for a token: each trouble, and the cause that explains it."""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing, suppress

from evergrant import Accounts, Keeper, Token
from evergrant.errors import EvergrantError
from tests.support.cli.incident_app import Scene
from tests.support.cli.runner import ALICE, BOB

KEYS = [b64encode(bytes([number]) * 32).decode() for number in (1, 2)]


def throttled(scene: Scene) -> str:
    scene.log_in()
    scene.zoho.faults.throttle(times=None)
    scene.use(hours=2)
    return "throttled"


def as_many_refreshes_as_zoho_allows(scene: Scene) -> str:
    scene.log_in()
    for _ in range(12):
        with suppress(EvergrantError):
            scene.keeper.refresh(ALICE)
    return "budget"


def another_client_secret(scene: Scene) -> str:
    scene.log_in()
    accounts = Accounts(
        scene.zoho.client.client_id, "wrong", data_centers=scene.zoho.data_centers,
        clock=scene.zoho.clock,
    )  # fmt: skip
    scene.change(client_secret="wrong")
    scene.zoho.clock.advance(hours=2)
    with (
        accounts,
        Keeper(scene.store, accounts, lifeboat=scene.home) as keeper,
        suppress(EvergrantError),
    ):
        keeper.access_token(ALICE)
    return "invalid client"


def zoho_is_down(scene: Scene) -> str:
    scene.log_in()
    scene.zoho.faults.server_error(times=None)
    scene.use(hours=2)
    return "accounts unavailable"


def a_captive_portal(scene: Scene) -> str:
    scene.log_in()
    scene.zoho.faults.html(times=None)
    scene.use(hours=2)
    return "accounts unavailable"


def the_answer_does_not_come(scene: Scene) -> str:
    scene.log_in()
    scene.zoho.faults.drop_answer(times=None)
    scene.use(hours=2)
    return "accounts unavailable"


def a_corrupt_row(scene: Scene) -> str:
    scene.log_in()
    scene.sql("UPDATE oauthtoken SET expiry_time = 'noon'")
    return "corrupt"


def the_store_is_gone(scene: Scene) -> str:
    scene.setenv("EVERGRANT_STORE", "mysql://user:pw@127.0.0.1:1/db")
    return "store unavailable"


def the_store_is_no_store(scene: Scene) -> str:
    (scene.home / "notes.txt").write_text("not a database, " * 99)
    scene.setenv("EVERGRANT_STORE", f"sqlite:///{scene.home}/notes.txt")
    return "store unavailable"


def sealed(scene: Scene) -> None:
    scene.log_in()
    scene.setenv("EVERGRANT_KEY", KEYS[0])
    assert scene.run("keys", "rotate", "--adopt").exit_code == 0


def sealed_and_the_key_is_lost(scene: Scene) -> str:
    sealed(scene)
    scene.setenv("EVERGRANT_KEY", "")
    return "config error"


def sealed_with_another_key(scene: Scene) -> str:
    sealed(scene)
    scene.setenv("EVERGRANT_KEY", KEYS[1])
    return "config error"


def a_sealed_row_that_was_changed(scene: Scene) -> str:
    sealed(scene)
    scene.sql("UPDATE oauthtoken SET org_id = '7'")
    return "corrupt"


def not_sealed_though_a_key_is_set(scene: Scene) -> str:
    scene.log_in()
    scene.setenv("EVERGRANT_KEY", KEYS[0])
    return "config error"


def the_store_could_not_take_it(scene: Scene) -> str:
    scene.log_in()
    with closing(sqlite3.connect(scene.home / "tokens.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        scene.use(hours=2)
        other.rollback()
    return "unsaved"


def a_code_that_was_used(scene: Scene) -> str:
    code = scene.zoho.grant_code(BOB, self_client=True)
    scene.keeper.login_with_code(code)
    with suppress(EvergrantError):
        scene.keeper.login_with_code(code, ALICE)
    return "code spent"


def somebody_else_logged_in(scene: Scene) -> str:
    with suppress(EvergrantError):
        scene.keeper.login_with_code(scene.zoho.grant_code(BOB, self_client=True), ALICE)
    return "consent denied"


def too_few_scopes(scene: Scene) -> str:
    with suppress(EvergrantError):
        scene.log_in(scopes=["ZohoCRM.modules.ALL"])
    return "missing scope"


def no_refresh_token(scene: Scene) -> str:
    scene.log_in()
    scene.change(refresh_token=None)
    scene.use(hours=2)
    return "no refresh token"


def the_policy_has_ended_it(scene: Scene) -> str:
    (scene.home / "config.toml").write_text('[policy]\nmax_age = "1h"\n')
    scene.log_in()
    scene.zoho.clock.advance(hours=2)
    return "policy"


def the_clock_went_back(scene: Scene) -> str:
    scene.log_in()
    scene.zoho.clock.advance(hours=-3)
    return "clock"


def it_belongs_to_another_client(scene: Scene) -> str:
    scene.store.save_token(Token(user_name=f"{ALICE}:1", client_id="1000.X", access_token="a"))
    return "another client"


def another_process_is_at_it(scene: Scene) -> str:
    token = scene.log_in()
    scene.store.lease(str(token.id), 600)
    return "being refreshed"


def its_server_is_not_zohos(scene: Scene) -> str:
    scene.log_in()
    scene.change(api_domain="https://www.zohoapis.example")
    scene.zoho.clock.advance(hours=2)
    return "untrusted server"


INCIDENTS: list[Callable[[Scene], str]] = [
    throttled,
    as_many_refreshes_as_zoho_allows,
    another_client_secret,
    zoho_is_down,
    a_captive_portal,
    the_answer_does_not_come,
    a_corrupt_row,
    the_store_is_gone,
    the_store_is_no_store,
    sealed_and_the_key_is_lost,
    sealed_with_another_key,
    a_sealed_row_that_was_changed,
    not_sealed_though_a_key_is_set,
    the_store_could_not_take_it,
    a_code_that_was_used,
    somebody_else_logged_in,
    too_few_scopes,
    no_refresh_token,
    the_policy_has_ended_it,
    the_clock_went_back,
    it_belongs_to_another_client,
    another_process_is_at_it,
    its_server_is_not_zohos,
]
