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
NEUTRAL = ["", ".bridge", ".sdk_config", ".stream_positions", ".token_mapping"]
NEEDED = {
    "8_0": [*NEUTRAL, ".oauth_token", ".store_v5", ".user_context"],
    "5_0": [*NEUTRAL, ".oauth_token", ".store_v5", ".user_context"],
    "2_1": [*NEUTRAL[1:], ".store_v2"],
}


@pytest.mark.parametrize("version", NEEDED)
def test_everything_the_bridge_offers_is_there(version: str) -> None:
    python = json.loads(os.environ["EVERGRANT_SDK_PYTHONS"])[version]
    program = PROGRAM.format(modules=NEEDED[version])
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("all there", "")
