"""Where none of Zoho's SDKs is installed, as in these tests, the bridge says what to install."""

from __future__ import annotations

import pytest

import evergrant.zohocrmsdk
from evergrant.errors import MissingExtra
from evergrant.zohocrmsdk import token_store


def test_a_store_for_the_sdk_names_the_extra() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'evergrant\[sdk\]'"):
        token_store("memory:")


@pytest.mark.parametrize("name", sorted({*evergrant.zohocrmsdk.__all__} - {"token_store"}))
def test_a_name_that_needs_the_sdk_names_the_extra(name: str) -> None:
    with pytest.raises(MissingExtra, match=name):
        getattr(evergrant.zohocrmsdk, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = evergrant.zohocrmsdk.no_such_name
