"""How long a lease keeps others out."""

from __future__ import annotations

import pytest

from evergrant.stores.leases import is_active

GRANTED, END = 10_000, 25_000


@pytest.mark.parametrize(
    ("now", "runs"),
    [
        (GRANTED, True),
        (END - 1, True),
        (END, False),
        # Another host's clock is a little behind that of the host which granted it.
        (GRANTED - 5, True),
        (GRANTED - 14_999, True),
        # The clock was set back since: waiting for the end could take a year.
        (GRANTED - 15_001, False),
        (GRANTED - 31_536_000_000, False),
    ],
)
def test_clocks_that_differ_a_little_neither_break_a_lease_nor_stretch_it(
    now: int, *, runs: bool
) -> None:
    assert is_active(GRANTED, END, now) is runs
