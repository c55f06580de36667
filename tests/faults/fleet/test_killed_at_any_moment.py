"""Processes are killed at any moment: what they had saved is there, and nothing is damaged."""

from __future__ import annotations

from pathlib import Path

from evergrant.sandbox import Sandbox
from fault_scene import Scene
from fault_siege import Siege
from soak import Soak


def test_killed_at_any_moment_of_logging_in_refreshing_and_saving(
    kind: str, store_url: str, patient_zoho: Sandbox, tmp_path: Path, soak: Soak
) -> None:
    scene = Scene.at(patient_zoho, store_url, tmp_path / "lifeboat")
    rounds = soak.rounds(8, 500 if kind in ("sqlite", "file") else 100)
    siege = Siege(patient_zoho, scene)
    with siege.under_way():
        for _ in range(rounds):
            siege.kill_one()
            siege.check()
    died = siege.check_at_last()
    assert not siege.claims.troubles, siege.claims.last_trouble
    assert siege.claims.number
    soak.note(
        "kill -9 at random moments",
        store=kind,
        kills=rounds,
        saves=siege.claims.number,
        lost=0,
        damaged=0,
        duplicates=0,
        unsaved_when_killed=died,
    )
