"""Processes, disks and servers die under load: what was saved is there, and nothing is damaged."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant import Token, open_store
from evergrant.errors import StoreUnavailable
from evergrant.sandbox import Sandbox
from tests.support.faults.killing_under_load import PATIENT, Siege
from tests.support.faults.scene import Scene
from tests.support.faults.small_disk import small_disk
from tests.support.servers.databases import MORTAL, Mortal, fresh_space
from tests.support.soak import Soak

UNAVAILABLE = {"StoreUnavailable", "TokenNotSaved"}
"""What a caller may be told while there is no store."""


@pytest.fixture
def patient_zoho() -> Iterator[Sandbox]:
    with Sandbox(settings=PATIENT) as zoho:
        yield zoho


def note(soak: Soak, scenario: str, kind: str, siege: Siege, **figures: int) -> None:
    number = siege.claims.number
    soak.note(scenario, store=kind, **figures, saves=number, lost=0, damaged=0, duplicates=0)


def test_killed_at_any_moment_of_logging_in_refreshing_and_saving(
    kind: str, store_url: str, patient_zoho: Sandbox, tmp_path: Path, soak: Soak
) -> None:
    siege = Siege(patient_zoho, Scene.at(patient_zoho, store_url, tmp_path / "lifeboat"))
    rounds = soak.rounds(6, 500 if kind in ("sqlite", "sealed sqlite", "file") else 100)
    with siege.under_way():
        for _ in range(rounds):
            siege.kill_one()
            siege.check()
    siege.check_at_last()
    assert not siege.claims.troubles, siege.claims.last_trouble
    note(soak, "kill -9 at random moments", kind, siege, kills=rounds)


@pytest.mark.parametrize("kind", ["sqlite", "file"])
def test_the_disk_is_full_at_any_moment_and_processes_are_killed(
    kind: str, patient_zoho: Sandbox, tmp_path: Path, soak: Soak
) -> None:
    folder = tmp_path / "disk"
    urls = {"sqlite": f"sqlite:///{folder}/tokens.db", "file": f"file://{folder}/tokens.csv"}
    rounds = soak.rounds(3, 100)
    with small_disk(folder) as disk:
        scene = Scene.at(patient_zoho, urls[kind], tmp_path / "lifeboat")
        siege = Siege(patient_zoho, replace(scene, patience=60.0))
        with siege.under_way(), scene.open() as store:
            for _ in range(rounds):
                disk.fill(siege.pids)
                siege.kill_one()
                siege.listen()
                siege.claims.check(store)
                disk.free(siege.pids)
                siege.wait_for_saves()
                siege.kill_one()
                siege.check()
        siege.check_at_last()
    assert set(siege.claims.troubles) <= UNAVAILABLE, siege.claims.last_trouble
    troubles = siege.claims.troubles.total()
    note(soak, f"disk full ({disk.what})", kind, siege, times_full=rounds, refused=troubles)


def test_a_disk_that_the_log_of_sqlite_itself_has_filled_needs_little_room_to_go_on(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "disk"
    with small_disk(folder, 4), open_store(f"sqlite:///{folder}/tokens.db") as store:
        ballast = folder / "a little"
        ballast.write_bytes(bytes(2**18))
        refused = 0
        for number in range(1_500):
            token = Token(user_name="alice", access_token=f"a{number}", client_id="1000.APP")
            try:
                store.save_token(token)
            except StoreUnavailable:
                refused += 1
                ballast.unlink(missing_ok=True)
                assert store.save_token(token).access_token == token.access_token
        assert refused <= 3


@pytest.mark.parametrize("kind", MORTAL)
def test_the_database_server_is_killed_at_any_moment(
    kind: str,
    mortal_server: Mortal,
    patient_zoho: Sandbox,
    tmp_path: Path,
    soak: Soak,
) -> None:
    rounds = soak.rounds(2, 100)
    with fresh_space(mortal_server) as database:
        scene = Scene.at(patient_zoho, database.url, tmp_path / "lifeboat")
        siege = Siege(patient_zoho, replace(scene, patience=60.0))
        with siege.under_way():
            for _ in range(rounds):
                siege.wait_for_saves()
                time.sleep(random.uniform(0, 0.1))
                mortal_server.kill()
                mortal_server.start()
                siege.wait_for_saves()
                siege.check()
        siege.check_at_last()
    assert set(siege.claims.troubles) <= UNAVAILABLE, siege.claims.last_trouble
    troubles = siege.claims.troubles.total()
    note(soak, "kill -9 of the server", kind, siege, kills=rounds, refused=troubles)
