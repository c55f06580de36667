from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support.web.portal import Portal, served
from tests.support.web.portal_visitor import ALICE, Visitor


@pytest.fixture
def portal(zoho: Sandbox, tmp_path: Path) -> Iterator[Portal]:
    with served(zoho, tmp_path) as running:
        yield running


@pytest.fixture
def alice(portal: Portal, zoho: Sandbox) -> Iterator[Visitor]:
    with Visitor(portal, zoho, ALICE) as visitor:
        assert visitor.log_in().headers["location"] == "/students"
        yield visitor


@pytest.fixture
def stranger(portal: Portal, zoho: Sandbox) -> Iterator[Visitor]:
    with Visitor(portal, zoho) as visitor:
        yield visitor
