"""The pytest plugin: the fixture `zoho_sandbox`. Importing it costs next to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from evergrant.testing.local_sandbox import LocalSandbox

__all__ = ["zoho_sandbox"]


@pytest.fixture
def zoho_sandbox() -> Iterator[LocalSandbox]:
    """Run a local Zoho with two data centers, three users and a registered client."""
    from evergrant.testing.local_sandbox import LocalSandbox

    with LocalSandbox() as zoho:
        yield zoho
