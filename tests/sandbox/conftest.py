from __future__ import annotations

from collections.abc import Iterator

import pytest

from evergrant.sandbox import Sandbox, Settings
from tests.support.sandbox.accounts_caller import Caller


@pytest.fixture
def zoho() -> Iterator[Sandbox]:
    with Sandbox(settings=Settings(frozen_clock=True)) as sandbox:
        yield sandbox


@pytest.fixture
def app(zoho: Sandbox) -> Caller:
    return Caller(zoho)
