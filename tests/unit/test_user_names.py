"""When two names are one user's."""

from __future__ import annotations

import pytest

from evergrant._user_names import belongs_to, fold_name, same_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice@example.com", "Alice@Example.COM"),
        ("alice@example.com:60001", "ALICE@example.com:60001"),
        ("alice@example.com:Org", "Alice@example.com:Org"),
        ("o'brien+crm@x.io:1", "O'Brien+CRM@X.io:1"),
        ("Tenant-A", "Tenant-A"),
    ],
)
def test_an_address_in_another_case_is_the_same_user(one: str, other: str) -> None:
    assert same_name(one, other)
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Tenant-A", "tenant-a"),
        ("acme:ME@x.com", "acme:me@x.com"),
        ("alice@example.com:Org", "alice@example.com:org"),
        ("stra\u00dfe@x.com", "strasse@x.com"),
        ("\u0130rem@x.com", "irem@x.com"),
        ("al\u0131ce@x.com", "ALICE@x.com"),
        ("\u212aim@x.com", "kim@x.com"),
        ("\u00c4nne@x.com", "\u00e4nne@x.com"),
        ("alice@x.com ", "alice@x.com"),
        ("alice@x.com:1", "alice@x.com"),
    ],
)
def test_keys_orgs_and_other_letters_count_exactly(one: str, other: str) -> None:
    assert not same_name(one, other)


def test_a_bare_address_stands_for_its_orgs_and_a_key_for_what_follows_its_colon() -> None:
    assert belongs_to("Alice@Example.com:60001", "alice@example.COM")
    assert belongs_to("acme:staging", "acme")
    assert not belongs_to("Acme:staging", "acme")
    assert not belongs_to("malice@example.com:1", "alice@example.com")
    assert not belongs_to("alice@example.com", "alice@example.com:1")
