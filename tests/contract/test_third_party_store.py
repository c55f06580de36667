"""The suite in somebody else's hands: five lines in a project of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.contract.seeded_bugs.dict_store import CHECKS

FIVE_LINES = """
import pytest
from evergrant.stores.memory import MemoryStore
from evergrant.testing import StoreContract

class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self):
        with MemoryStore() as store: yield store
"""

A_FAULT = """
class Forgetful(MemoryStore):
    def find_token(self, token):
        return None

class TestForgetful(StoreContract):
    @pytest.fixture
    def store(self):
        with Forgetful() as store: yield store
"""


def run(folder: Path, text: str) -> tuple[int, str]:
    (folder / "test_mine.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_good_store_passes_without_a_skip_or_a_warning(tmp_path: Path) -> None:
    code, output = run(tmp_path, FIVE_LINES)
    assert code == 0, output
    assert output.splitlines()[-1].startswith(f"{len(CHECKS)} passed in ")  # no skip, no warning


def test_a_faulty_store_fails_and_the_output_says_what(tmp_path: Path) -> None:
    code, output = run(tmp_path, FIVE_LINES + A_FAULT)
    assert code == 1
    assert "TestForgetful::test_finds_by_user_name" in output
    assert "assert None ==" in output
    assert "TestMyStore::" not in output
