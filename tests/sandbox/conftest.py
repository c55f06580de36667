from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts_caller import Caller
from evergrant.sandbox import Sandbox, Settings


@pytest.fixture
def zoho() -> Iterator[Sandbox]:
    with Sandbox(settings=Settings(frozen_clock=True)) as sandbox:
        yield sandbox


@pytest.fixture
def app(zoho: Sandbox) -> Caller:
    return Caller(zoho)
