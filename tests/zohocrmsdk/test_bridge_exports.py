"""What the bridge's modules offer is there, in an environment that has the SDK they speak to."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

PROGRAM = """
from importlib import import_module
for name in {modules}:
    module = import_module("evergrant.zohocrmsdk" + name)
    assert len(set(module.__all__)) == len(module.__all__) > 0, name
    for offered in module.__all__:
        getattr(module, offered)
print("all there")
"""
NEUTRAL = ["", ".bookmarks", ".desk", ".surroundings", ".translation"]
NEEDED = {
    "8_0": [*NEUTRAL, ".newer", ".oauth_token", ".acting"],
    "5_0": [*NEUTRAL, ".newer", ".oauth_token", ".acting"],
    "2_1": [*NEUTRAL[1:], ".older"],
}


@pytest.mark.parametrize("version", NEEDED)
def test_everything_the_bridge_offers_is_there(version: str) -> None:
    python = json.loads(os.environ["EVERGRANT_SDK_PYTHONS"])[version]
    program = PROGRAM.format(modules=NEEDED[version])
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("all there", "")
