"""What users and servers write forges no line of a log, and steers no terminal."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import pytest

from evergrant._text import MAX_LENGTH, escaped, json_text, printable
from evergrant.errors import AmbiguousUser, ConfigError, EvergrantError, TokenNotFound
from evergrant.events import LoggedIn, LoginFailed
from evergrant.observing.structlog import StructuredLog

UNFIT = [
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u2028\u2029\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    *"\u200b\u2060\ufeff\ud800\udfff\U000e0001",
]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("character", UNFIT, ids=ascii)
def test_unfit_characters_reach_no_line(character: str, caplog: pytest.LogCaptureFixture) -> None:
    name = f"mallory{character}2026-01-01 evergrant: all is well"
    for error in (
        EvergrantError(f"no {name}", hint=f"ask {name}"),
        TokenNotFound("gone", token_id=name, user=name),
        AmbiguousUser("two", candidates=[name, name], user=name),
    ):
        assert str(error).isprintable()
        assert error.message.isprintable()
        assert str(LoginFailed(at=NOW, user=name, error=error)).isprintable()
    assert str(LoggedIn(at=NOW, user=name, data_center="us")).isprintable()
    assert printable(name).isprintable()
    caplog.set_level(1)
    for logger in ("evergrant", "evergrant.audit"):
        logging.getLogger(logger).warning("row of %s: 100%% of %s", name, name)
    assert [len(record.getMessage().splitlines()) for record in caplog.records] == [1, 1]
    assert all(record.getMessage().isprintable() for record in caplog.records)
    text = json_text({name: [name]}, indent=2)
    assert json.loads(text) == {name: [name]}
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("text", ["Zoë Müller", "田中 太郎", "наталья", "a.b+c@x.com:123", "😀"])
def test_what_can_be_printed_stays(text: str) -> None:
    assert printable(text) == escaped(text) == text
    assert text in json_text([text])


def test_a_message_of_a_million_characters_is_cut() -> None:
    assert len(str(ConfigError("a" * 1_000_000, hint="b" * 1_000_000))) < 3 * MAX_LENGTH


def test_a_structured_log_has_no_unfit_text() -> None:
    told: list[object] = []

    class Logger:
        def log(self, level: int, event: str, **fields: object) -> None:
            told.extend([event, *fields.values()])

    StructuredLog(Logger())(LoggedIn(at=NOW, user="eve\n\x9b2J", data_center="us"))
    assert "eve\\n\\x9b2J" in told
