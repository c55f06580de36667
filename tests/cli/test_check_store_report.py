"""What ``evergrant check-store`` reports of a failed check: the values, whichever check it is."""

from __future__ import annotations

import importlib

import pytest

from evergrant.testing import StoreContract, check_plugin


def test_asserts_of_every_module_of_the_contract_show_their_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rewritten: set[str] = set()
    monkeypatch.setattr(pytest, "register_assert_rewrite", lambda *names: rewritten.update(names))
    importlib.reload(check_plugin)
    with_checks = {
        kind.__module__
        for kind in StoreContract.__mro__
        if any(name.startswith("test_") for name in vars(kind))
    }
    assert len(with_checks) > 5
    assert with_checks <= rewritten
