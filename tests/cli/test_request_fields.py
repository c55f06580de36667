"""``-f key=value``: the notation of ``gh api``."""

from __future__ import annotations

from typing import Any

import pytest

from evergrant.cli.request_fields import build_json_body, parse_pairs
from evergrant.errors import ConfigError


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ([], {}),
        (["a=1"], {"a": "1"}),
        (["a="], {"a": ""}),
        (["a=b=c"], {"a": "b=c"}),
        (["a=[x]"], {"a": "[x]"}),
        (["a=1", "a=2"], {"a": "2"}),
        (["a[b]=1", "a[c]=2"], {"a": {"b": "1", "c": "2"}}),
        (["a[]=1", "a[]=2"], {"a": ["1", "2"]}),
        (["a[b][]=1", "a[b][]=2"], {"a": {"b": ["1", "2"]}}),
        (["a[][b]=1", "a[][c]=2"], {"a": [{"b": "1", "c": "2"}]}),
        (["a[][b]=1", "a[][c]=2", "a[][b]=3"], {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
        (["a[][]=1", "a[][]=2"], {"a": [["1"], ["2"]]}),
        (["a[][b][c]=1"], {"a": [{"b": {"c": "1"}}]}),
    ],
)
def test_fields_nest_by_their_brackets(fields: list[str], body: dict[str, Any]) -> None:
    assert build_json_body(parse_pairs(fields)) == body


@pytest.mark.parametrize(
    "field", ["a", "=1", "", "a[=1", "a]=1", "[]=1", "[a]=1", "a[[b]]=1", "a[b]c=1"]
)
def test_a_malformed_field_is_refused(field: str) -> None:
    with pytest.raises(ConfigError, match="-f"):
        build_json_body(parse_pairs([field]))


@pytest.mark.parametrize(
    "fields",
    [
        ["a=1", "a[b]=2"],
        ["a=1", "a[]=2"],
        ["a[]=1", "a[b]=2"],
        ["a[b]=1", "a[]=2"],
        ["a[]=1", "a[][b]=2"],
        ["a[][b]=1", "a[][b][c]=2", "a[][b]=3", "a[][b][]=4", "a[][]=5", "a[][b]=6"],
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields: list[str]) -> None:
    with pytest.raises(ConfigError, match="contradicts"):
        build_json_body(parse_pairs(fields))


def test_query_parameters_may_repeat() -> None:
    assert parse_pairs(["a=1", "a=2", "b=c=d"]) == [("a", "1"), ("a", "2"), ("b", "c=d")]
