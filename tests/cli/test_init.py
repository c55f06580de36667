"""``evergrant init``: a refresh token that one has becomes a login, and says what it covers."""

from __future__ import annotations

import pytest

from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, Command
from tests.support.keeper.refresh_tokens import refresh_token_of

CAROL = "carol@example.eu"


CRM = ["ZohoCRM.users.READ", "ZohoCRM.org.READ", "Desk.tickets.ALL"]


@pytest.mark.parametrize("how", ["environment", "stdin"])
def test_it_says_whose_it_is_and_what_it_covers(
    run: Command, zoho: Sandbox, store: TokenStore, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    given = refresh_token_of(zoho, ALICE, CRM)
    if how == "environment":
        monkeypatch.setenv("ZOHO_REFRESH_TOKEN", f'"{given}"\n')
    stdin = f"{given}\n" if how == "stdin" else ""
    done = run("init", f"--sandbox={zoho.url}", stdin=stdin)
    assert done.exit_code == 0, done.output
    org = zoho.user(ALICE).orgs[0].zgid
    assert f"logged in: {ALICE}:{org}" in done.stderr
    assert "services: crm, desk" in done.stderr
    assert "desk: Desk.basic.READ is not among the scopes" in done.stderr
    assert given not in done.output
    (token,) = store.get_tokens()
    assert token.refresh_token == given
    assert token.scopes == tuple(CRM)
    assert run("api", "crm:/org").exit_code == 0
    assert run("init", f"--sandbox={zoho.url}", stdin=stdin).exit_code == 0
    assert len(store.get_tokens()) == 1


def test_a_name_of_ones_own_needs_no_scope(run: Command, zoho: Sandbox, store: TokenStore) -> None:
    given = refresh_token_of(zoho, ALICE, ["Desk.tickets.ALL"])
    refused = run("init", f"--sandbox={zoho.url}", stdin=given)
    assert refused.exit_code != 0
    assert "AaaServer.profile.READ" in refused.stderr
    assert "evergrant init --user my-name" in refused.stderr
    assert run("init", f"--sandbox={zoho.url}", "--user", "support", stdin=given).exit_code == 0
    assert "support" in {token.user_name for token in store.get_tokens()}
    assert run("api", "desk:/tickets", "--user", "support").exit_code == 0


def test_another_data_center_s_is_found_if_asked(
    run: Command, zoho: Sandbox, store: TokenStore
) -> None:
    given = refresh_token_of(zoho, CAROL, CRM)
    refused = run("init", f"--sandbox={zoho.url}", stdin=given)
    assert refused.exit_code == 4
    assert "of another data center than us" in refused.stderr
    assert store.get_tokens() == []
    found = run("init", f"--sandbox={zoho.url}", "--data-center", "any", stdin=given)
    assert found.exit_code == 0, found.output
    assert "data center: eu" in found.stderr
    named = run("init", f"--sandbox={zoho.url}", "--data-center", "eu", stdin=given)
    assert named.exit_code == 0, named.output


def test_what_is_missing_is_told(run: Command, zoho: Sandbox) -> None:
    assert "no refresh token" in run("init", f"--sandbox={zoho.url}", stdin="").stderr
    nobody = run("init", stdin="")
    assert nobody.exit_code == 2
    assert "ZOHO_CLIENT_ID" in nobody.stderr
    dead = run("init", f"--sandbox={zoho.url}", stdin="1000.dead.dead")
    assert dead.exit_code == 4
    assert "It was revoked, or it is another client's" in dead.stderr
    spaced = run("init", f"--sandbox={zoho.url}", stdin="1000.a b")
    assert spaced.exit_code != 0
    assert "1000.a b" not in spaced.output
