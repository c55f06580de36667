"""A token as a row: whole both ways, official columns first, and corrupt rows named, not shown."""

from __future__ import annotations

import pickle
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergrant.errors import CorruptRecord
from evergrant.stores.rows import COLUMNS, OFFICIAL_COLUMNS, Row, decode, encode, numeric_id
from evergrant.token import Secret, Token

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHOLE = Token(
    id="7",
    user_name="alice@example.com:60001",
    client_id="1000.APP",
    client_secret="planted-secret",
    refresh_token="planted-refresh",
    access_token="planted-access",
    grant_token="planted-grant",
    expires_at=NOON,
    redirect_url="https://app.example.com/callback",
    api_domain="https://www.zohoapis.eu",
    scopes=("ZohoCRM.modules.ALL", "ZohoCRM.users.READ"),
    org_id="60001",
    created_at=NOON - timedelta(days=1),
    updated_at=NOON - timedelta(hours=1),
    last_used_at=NOON - timedelta(minutes=1),
    version=3,
)


def a_row(**changes: Any) -> Row:
    """The row of a whole token, with some columns changed."""
    return encode(WHOLE)._replace(**changes)


def refusal_of(row: Row) -> CorruptRecord:
    with pytest.raises(CorruptRecord) as refused:
        decode(row)
    return refused.value


def test_a_token_comes_back_whole() -> None:
    assert decode(encode(WHOLE)) == WHOLE
    assert len(encode(WHOLE)) == len(COLUMNS) == 16


def test_the_official_columns_come_first_in_the_official_order() -> None:
    assert COLUMNS[:10] == OFFICIAL_COLUMNS
    assert " ".join(OFFICIAL_COLUMNS) == (
        "id user_name client_id client_secret refresh_token access_token grant_token expiry_time "
        "redirect_url api_domain"
    )


def test_an_expiry_is_epoch_milliseconds_as_text() -> None:
    assert encode(WHOLE)[COLUMNS.index("expiry_time")] == "1772366400000"


@pytest.mark.parametrize("written", ["1772366400000", 1_772_366_400_000])
def test_an_expiry_that_the_official_sdk_wrote_is_read(written: str | int) -> None:
    assert decode(a_row(expiry_time=written)).expires_at == NOON


@pytest.mark.parametrize("ms", [1, -1, 253_402_300_799_999])
def test_a_moment_far_away_is_still_a_moment(ms: int) -> None:
    expires_at = decode(a_row(expiry_time=str(ms))).expires_at
    assert expires_at is not None
    assert encode(Token(access_token="a", expires_at=expires_at))[7] == str(ms)


def test_the_epoch_itself_is_a_moment() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    token = Token(id="1", access_token="a", expires_at=epoch)
    assert decode(encode(token)).expires_at == epoch


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_another_program_left_empty_is_nothing(nothing: str | None) -> None:
    empty = dict.fromkeys(COLUMNS[1:], nothing)
    row = a_row(**empty | {"access_token": "planted-access"})
    assert decode(row) == Token(id="7", access_token="planted-access")


def test_empty_text_is_stored_as_nothing() -> None:
    empty = Token(id="7", access_token="a", user_name="", client_secret="", org_id="", scopes=())
    assert encode(empty) == encode(Token(id="7", access_token="a"))


@pytest.mark.parametrize("column", ["refresh_token", "access_token", "grant_token"])
def test_one_token_is_enough(column: str) -> None:
    none = {"refresh_token": None, "access_token": "", "grant_token": None}
    assert getattr(decode(a_row(**none | {column: "t"})), column) == "t"


@pytest.mark.parametrize("name", ["client_secret", "refresh_token", "access_token", "grant_token"])
def test_secrets_are_masked_in_the_token_and_plain_in_the_row(name: str) -> None:
    assert type(getattr(decode(encode(WHOLE)), name)) is Secret
    assert type(encode(WHOLE)[COLUMNS.index(name)]) is str


def test_a_row_does_not_show_its_values() -> None:
    assert repr(encode(WHOLE)) == "Row(id='7')"
    assert "planted" not in f"{encode(WHOLE)} {[encode(WHOLE)]}"


class Name(str):
    """Text as some frameworks hand it out: a subclass."""

    __slots__ = ()


TEXTS = [column for column in (*OFFICIAL_COLUMNS, "org_id") if column != "expiry_time"]


@pytest.mark.parametrize("column", [*TEXTS, "scopes"])
def test_text_of_a_subclass_is_stored_as_plain_text(column: str) -> None:
    value: Any = (Name("x"),) if column == "scopes" else Name("x")
    changed: dict[str, Any] = {"id": "7", "access_token": "a", column: value}
    assert all(type(v) is not Name for v in encode(Token(**changed)))


@pytest.mark.parametrize("column", TEXTS)
@pytest.mark.parametrize("wrong", [5, b"planted-blob", 1.5, ["x"]])
def test_a_value_of_another_type_is_refused_before_it_is_stored(column: str, wrong: Any) -> None:
    # Stored, it would make the row unreadable, and so the user's token be lost.
    changed: dict[str, Any] = {"id": "7", "access_token": "a", column: wrong}
    with pytest.raises(TypeError) as refused:
        encode(Token(**changed))
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *[("expiry_time", value) for value in (
            "soon", "2026-03-01", "1.5", "1e3", "9" * 30, "-" + "9" * 30, "9" * 5000,
            10**30, "253402300800000", b"1772366400000", float("nan"), float("inf"), "0x10",
        )],
        ("created_at", "yesterday"),
        ("updated_at", "then"),
        ("last_used_at", "then"),
        ("version", "three"),
        ("version", b"\x03"),
        ("version", -1),
        ("version", 2**63),
        ("version", "9" * 5000),
        *[(column, b"planted-blob") for column in COLUMNS if column != "id"],
        *[(column, 1.5) for column in COLUMNS[1:7]],
    ],
)  # fmt: skip
def test_a_corrupt_value_is_named_by_id_and_column_and_not_shown(column: str, value: Any) -> None:
    error = refusal_of(a_row(**{column: value}))
    assert error.token_id == "7"
    assert f"its {column} is unreadable" in str(error)
    assert str(value) not in str(error)
    assert "planted" not in str(error)


def test_a_corrupt_row_names_its_user() -> None:
    assert refusal_of(a_row(expiry_time="soon")).user == "alice@example.com:60001"


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_row_without_any_token_is_corrupt(nothing: str | None) -> None:
    error = refusal_of(a_row(refresh_token=nothing, access_token=nothing, grant_token=nothing))
    assert "no access, refresh or grant token" in str(error)
    assert "planted" not in str(error)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_row_without_an_id_is_corrupt(nothing: str | None) -> None:
    assert "it has no id" in str(refusal_of(a_row(id=nothing)))


@pytest.mark.parametrize("count", [*range(16), 17, 30])
def test_a_row_with_too_few_or_too_many_columns_is_corrupt(count: int) -> None:
    error = refusal_of(Row((a_row() * 2)[:count]))
    assert "the number of its columns" in str(error)
    assert "planted" not in str(error)


def test_a_shifted_row_does_not_show_what_stands_where_the_name_should() -> None:
    shifted = Row(("7", *a_row()[3:]))
    error = refusal_of(shifted)
    assert error.user is None
    assert "planted" not in str(error)


@pytest.mark.parametrize(
    "row",
    [
        a_row(expiry_time="planted-refresh"),
        a_row(version="planted-secret"),
        a_row(access_token=b"planted-blob"),
        Row(a_row()[:12]),
    ],
)
def test_neither_traceback_nor_pickle_of_a_corrupt_record_shows_a_value(
    row: Row,
) -> None:
    error = refusal_of(row)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "planted" not in "".join(traceback.format_exception(error))
    assert b"planted" not in pickle.dumps(error)


@pytest.mark.parametrize(
    ("id_", "number"),
    [
        ("1", 1),
        ("0042", 42),
        ("9999999999", 9_999_999_999),
        ("10000000000", 0),
        ("", 0),
        ("-3", 0),
        ("+3", 0),
        (" 3", 0),
        ("1_0", 0),
        ("1e3", 0),
        ("\u00b2", 0),
        ("\u0663", 0),
        ("tenant-7", 0),
    ],
)
def test_only_a_plain_short_number_counts_when_ids_are_given_out(id_: str, number: int) -> None:
    assert numeric_id(id_) == number
