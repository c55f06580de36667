"""docs/official-sdk.md: its examples run, and the tests that it names are there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import SdkProcess, grant_of
from tests.support.sdk.stores import NOTHING

TESTS = Path(__file__).parents[2]
DOCUMENT = (TESTS.parent / "docs" / "official-sdk.md").read_text()

ALICE = "alice@example.com"


@pytest.mark.parametrize("version", ["8_0", "7_0", "6_0"])
def test_its_examples_run_one_after_the_other(
    start: Callable[..., SdkProcess], zoho: Sandbox, version: str
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    sdk = start(NOTHING, version)
    assert sdk("run_examples", blocks=blocks, **grant_of(zoho, ALICE)) == ALICE
    assert zoho.calls.count("/oauth/v2/token") == 1


def test_the_tests_that_it_names_are_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    sources = "".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    assert len(named) > 30
    assert named <= set(re.findall(r"^def (test_\w+)\(", sources, re.MULTILINE))


def test_each_test_of_a_fault_is_named() -> None:
    faults = "".join(path.read_text() for path in TESTS.glob("sdk/official/faults/test_*.py"))
    tests = set(re.findall(r"^def (test_\w+)\(", faults, re.MULTILINE))
    assert tests - set(re.findall(r"`(test_\w+)`", DOCUMENT)) == set()
