"""The official FileStore and ours, under the same random calls (``./dev fuzz`` makes more)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.sdk.differences import DIFFERENCES
from tests.support.sdk.process import SdkProcess
from tests.support.sdk.stores import NOTHING, OUR_FILE, OURS

AT_A_TIME = 100
MANY = 5_000


@pytest.mark.parametrize("half", [0, 1])
def test_they_differ_only_where_it_is_meant(
    start: Callable[..., SdkProcess], pytestconfig: pytest.Config, half: int
) -> None:
    number = pytestconfig.getoption("--sequences") // 2
    sdk, counts = start(NOTHING), Counter[str]()
    for first in range(half * number, (half + 1) * number, AT_A_TIME):
        found = sdk("differences", url=OURS[OUR_FILE], first=first, sequences=AT_A_TIME)
        assert found["unnamed"] is None, f"sequence {found['sequence']}"
        counts.update(found["counts"])
    names = {difference.name for difference in DIFFERENCES}
    assert set(counts) <= names | {"calls"}
    assert number < MANY or set(counts) >= names, "a difference that is none any more"
