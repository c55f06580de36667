"""The text of a token file: the official SDK's CSV, with evergrant's columns after its ten."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

from evergrant._files.secure_files import MaskedBytes
from evergrant.errors import StoreError
from evergrant.stores.rows import COLUMNS, OFFICIAL_COLUMNS, Row

__all__ = ["EMPTY", "Line", "format_row", "parse"]

_OWN_COLUMNS = COLUMNS[len(OFFICIAL_COLUMNS) :]
_OFFICIAL_HEADER = [name.replace("redirect_url", "redirect_uri") for name in OFFICIAL_COLUMNS]
_OTHER_NAMES = {"user_mail": "user_name", "redirect_url": "redirect_uri"}
"""Names of two columns in versions 2.0 and 2.1, and in the official tables."""

_OLD_COUNT = 9
"""Number of columns in files of older SDKs, which had no api_domain."""

_TEN = len(OFFICIAL_COLUMNS)
_COUNTS = (_OLD_COUNT, _TEN, len(COLUMNS))
_LONGEST_ID = 36
_BOM = b"\xef\xbb\xbf"
_LINE_END = b"\r\n"

EMPTY = MaskedBytes(",".join([*_OFFICIAL_HEADER, *_OWN_COLUMNS]).encode() + _LINE_END)
"""A file without tokens: only the header."""


class Line(NamedTuple):
    """One row, and the exact bytes that it was read from."""

    raw: MaskedBytes
    row: Row


def format_row(row: Row) -> Line:
    """Return a row as a line.

    Raises:
        StoreError: A line of CSV cannot hold one of the values.
    """
    raw = _text_of(row)
    if raw is None:  # raised here: the frames in which the values would show have ended
        raise StoreError("a CSV file cannot hold one of the values", token_id=str(row.id))
    return Line(raw, row)


def _text_of(row: Row) -> MaskedBytes | None:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    try:
        raw = MaskedBytes(text.getvalue().encode())
    except UnicodeEncodeError:
        return None
    # A line is used only if this Python's CSV module reads it back unchanged.
    expected = ["" if value is None else str(value) for value in row]
    return raw if list(_records(raw.splitlines(keepends=True))) == [(raw, expected)] else None


def parse(content: bytes) -> list[Line] | None:
    """Return the rows of a token file, or None if it is not a token file.

    Malformed rows are returned too, as rows that `rows.decode` refuses.
    """
    records = _records(content.removeprefix(_BOM).splitlines(keepends=True))
    _, header = next(records, (b"", []))
    columns = _columns(header)
    return [_line(raw, fields, columns) for raw, fields in records] if columns else None


def _columns(header: list[str]) -> int:
    """Return how many columns a header names, or 0 if it is not the header of a token file."""
    names = [_OTHER_NAMES.get(name, name) for name in header]
    whole = [*_OFFICIAL_HEADER, *_OWN_COLUMNS]
    return len(names) if len(names) in _COUNTS and names == whole[: len(names)] else 0


def _records(lines: list[bytes]) -> Iterator[tuple[bytes, list[str]]]:
    """Yield each record's bytes and fields.

    A quote that is never closed swallows the lines after it, which may be sound. So a line that
    makes no sense together with the next ones is a record by itself.
    """
    texts = [line.decode("utf-8", "surrogateescape") for line in lines]
    start = offset = 0
    reader = csv.reader(iter(texts), strict=True)
    while start < len(texts):
        try:
            fields = next(reader)
            end = offset + reader.line_num
            misled = end - start > 1 and len(fields) not in _COUNTS
        except csv.Error:
            misled = True
        if misled:
            fields = _parse_single(texts[start])
            offset = end = start + 1
            reader = csv.reader(map(texts.__getitem__, range(end, len(texts))), strict=True)
        if fields:
            yield b"".join(lines[start:end]), fields
        start = end


def _parse_single(text: str) -> list[str]:
    try:
        return next(csv.reader([text]))
    except csv.Error:
        return [""]


def _line(raw: bytes, fields: list[str], columns: int) -> Line:
    is_finished = raw.endswith((b"\n", b"\r"))
    if not is_finished:
        raw += _LINE_END
    # The rest of a line that was cut off may look like a row of an older file.
    if len(fields) not in _COUNTS or (not is_finished and len(fields) < min(columns, _TEN)):
        return Line(MaskedBytes(raw), _malformed_row(raw, fields))
    if len(fields) == _OLD_COUNT:
        # The official SDK cannot read such a row below a header of ten.
        raw = raw.rstrip(_LINE_END) + b"," + _LINE_END
    values = [text or None for text in fields] if raw.isascii() else map(_decode_field, fields)
    return Line(MaskedBytes(raw), Row((*values, *[None] * (len(COLUMNS) - len(fields)))))


def _decode_field(text: str) -> str | None:
    """Return a field; if it is not UTF-8, as bytes, which `rows.decode` refuses."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")  # type: ignore[return-value]
    return text or None


def _malformed_row(raw: bytes, fields: list[str]) -> Row:
    """Return a row with one column too many. It has an id only if that certainly is one."""
    id_ = fields[0]
    certain = 0 < len(id_) <= _LONGEST_ID and raw.startswith(f"{id_},".encode(errors="replace"))
    found = [id_ if certain else None, *fields[1:]]
    width = max(len(COLUMNS) + 1, len(found))
    return Row((*found, *[None] * (width - len(found))))
