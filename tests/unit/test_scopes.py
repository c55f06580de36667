"""Scopes as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from evergrant._scopes import comma_separated, read_scopes
from evergrant.errors import ConfigError

ALL, READ = "ZohoCRM.modules.ALL", "ZohoCRM.users.READ"


@pytest.mark.parametrize(
    "written",
    [
        f"{ALL},{READ}",
        f"{ALL} {READ}",
        f" {ALL} ,\n\t{READ}, ",
        [ALL, READ],
        (f"{ALL},{READ}", "", " ", ALL.lower(), READ),
        iter([f" {ALL}", f"{READ},"]),
    ],
)
def test_scopes_with_blanks_commas_and_doubles_are_understood(written: Any) -> None:
    assert read_scopes(written) == (ALL, READ)


@pytest.mark.parametrize(
    "written",
    [None, 7, b"ZohoCRM.modules.ALL", [None], [b"x"], "a&scope=b", "a#b", "\u00e4", "1", "a;b"],
)
def test_what_cannot_be_a_scope_is_refused_at_once(written: Any) -> None:
    with pytest.raises(ConfigError, match=r"scope.*ZohoCRM\.modules\.ALL"):
        read_scopes(written)


@pytest.mark.parametrize("written", ["", " , ", [], [""]])
def test_nothing_is_not_asked_for(written: Any) -> None:
    assert read_scopes(written) == ()
    with pytest.raises(ConfigError, match="no scope"):
        comma_separated(written)
