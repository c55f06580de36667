"""How many examples a random test tries: few by default, and always the same; else as asked."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

__all__ = ["ask_for", "rounds"]

_asked: list[int] = []


def ask_for(examples: int | None) -> None:
    """Let every test try as many examples from now on, and others each time."""
    _asked[:] = [] if examples is None else [examples]


def rounds(usual: int, **more: Any) -> settings:
    """Return the settings of a test that tries so many examples unless more are asked for.

    A busy machine fails nothing: no deadline, and data may be made slowly.
    """
    return settings(
        max_examples=_asked[0] if _asked else usual,
        derandomize=not _asked,
        database=None,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
            HealthCheck.function_scoped_fixture,  # what they hand out serves any number of examples
        ],
        **more,
    )
