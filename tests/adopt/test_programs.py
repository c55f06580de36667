"""Ten small programs in the ten commonest shapes: found, imported, changed in a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from evergrant.stores import open_store
from tests.adopt.grants import refreshes
from tests.adopt.program import MAIN, Program, ended
from tests.support.cli.runner import Command
from tests.support.soak import Soak

WORKERS = 8
ALWAYS = {"module_variable", "json_file"}
"""Shapes whose workers are started in each run; the others' in a soak."""


@pytest.mark.parametrize("name", MAIN)
def test_a_program_is_adopted_in_five_lines(
    name: str, tmp_path: Path, zoho: Sandbox, run: Command, soak: Soak
) -> None:
    program = Program(name, tmp_path / name, zoho)
    before_all = program.content()
    answer = ended(program.start())
    assert answer in {"200\n", "204\n"}  # 204: there are no records
    assert len(refreshes(zoho)) == 1
    ours = Program(name, tmp_path / "again" / name, zoho)
    before = ours.content()
    assert before.keys() == before_all.keys()

    dry = run("adopt", str(ours.folder), f"--sandbox={zoho.url}")
    assert dry.exit_code == 0, dry.output
    assert "dry run" in dry.stderr
    assert not (tmp_path / "home").exists()
    assert len(refreshes(zoho)) == 1

    result = run("adopt", str(ours.folder), "--import", f"--sandbox={zoho.url}")
    assert result.exit_code == 0, result.output
    assert ours.content() == before
    with open_store(f"sqlite:///{tmp_path}/home/tokens.db", read_only=True) as store:
        [kept] = store.get_tokens()
    assert kept.refresh_token == ours.token.refresh_token
    assert kept.client_id == zoho.client.client_id
    assert kept.user_name
    for secret in (kept.refresh_token, kept.client_secret, kept.access_token):
        assert str.__str__(secret or "") not in result.output + dry.output
    asked = len(refreshes(zoho))
    assert asked == 2

    assert run("adopt", str(ours.folder), "--import", f"--sandbox={zoho.url}").exit_code == 0
    assert len(refreshes(zoho)) == asked
    with open_store(f"sqlite:///{tmp_path}/home/tokens.db", read_only=True) as store:
        assert [one.version for one in store.get_tokens()] == [kept.version]

    assert ours.apply(result.stdout) <= 5
    zoho.clock.advance(hours=2)
    workers = soak.rounds(WORKERS if name in ALWAYS else 1, WORKERS)
    started = [ours.start(EVERGRANT_SANDBOX=zoho.url) for _ in range(workers)]
    assert [ended(one) for one in started] == [answer] * workers
    assert len(refreshes(zoho)) == asked + 1
