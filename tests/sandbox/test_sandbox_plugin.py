from __future__ import annotations

import subprocess
import sys

from evergrant.sandbox import Sandbox
from tests.support.sandbox.accounts_caller import Caller


def test_the_fixture_hands_out_a_running_sandbox(zoho_sandbox: Sandbox) -> None:
    assert "access_token" in Caller(zoho_sandbox).login()


def test_importing_the_plugin_imports_no_sandbox() -> None:
    listing = "import sys, evergrant.testing.plugin; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", listing], check=True, capture_output=True, text=True
    )
    loaded = set(ran.stdout.split())
    assert "evergrant.testing.plugin" in loaded
    assert not {"evergrant.sandbox", "http.server"} & loaded
