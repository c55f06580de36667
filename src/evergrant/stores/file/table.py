"""The content of a token file: its rows, indexed, and the lines that they were read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evergrant._files.secure_files import MaskedBytes
from evergrant._user_names import fold_name
from evergrant.errors import CorruptRecord
from evergrant.stores.file.csv_format import EMPTY, Line, format_row
from evergrant.stores.matching import Criterion, freshest
from evergrant.stores.row_index import Key, RowIndex
from evergrant.stores.rows import Row, decode, numeric_id
from evergrant.token import Token

__all__ = ["Changes", "FileTable"]

Changes = Mapping[Key, Line | None]
"""The new line for each changed row of a transaction; None deletes the row."""


class FileTable:
    """The rows of a token file, one for each id.

    The official store gives the same id twice if two processes save at once. If both rows are of
    one user, the newer one counts. If they are of two users, the older row is ``clashing`` until
    it gets a new id.

    Args:
        lines: The lines of the file, in order.

    Attributes:
        rows: Every row that counts, including corrupt ones.
        clashing: The keys of rows that share their id with another user's row.
    """

    def __init__(self, lines: list[Line]) -> None:
        self.rows = RowIndex()
        self.clashing: list[int] = []
        self._lines: dict[Key, MaskedBytes] = {}
        self._outdated: dict[Key, list[int]] = {}
        for number, line in enumerate(lines):
            self._add(number, line)

    def _add(self, number: int, line: Line) -> None:
        id_ = line.row.id
        if not isinstance(id_, str):
            self._put(number, line)
        elif id_ not in self._lines:
            self._put(id_, line)
        else:
            self._add_double(id_, number, line)

    def _add_double(self, id_: str, number: int, line: Line) -> None:
        held = Line(self._lines[id_], self.rows.by_key[id_])
        holder, other = _token(held.row), _token(line.row)
        if other and (holder is None or freshest([holder, other]) is other):
            self._put(id_, line)
            line, holder, other = held, other, holder
        self._lines[number] = line.raw
        if holder and other and _owner(holder) == _owner(other):
            self._outdated.setdefault(id_, []).append(number)
            return
        self.rows.put(number, line.row)
        if other:
            self.clashing.append(number)

    def _put(self, key: Key, line: Line) -> None:
        self._lines[key] = line.raw
        self.rows.put(key, line.row)

    def with_new_id(self, key: int, number: int) -> dict[Key, Line | None]:
        """Return the changes that give a row another id."""
        row = self.rows.by_key[key]._replace(id=str(number))
        return {key: None, str(number): format_row(row)}

    def largest_number(self) -> int:
        """Return the largest id that is a number, or 0."""
        return max((numeric_id(key) for key in self._lines if isinstance(key, str)), default=0)

    def duplicates(self) -> list[str]:
        """Return a sentence about each user with several rows in the file."""
        shared = [
            f"the id {id_} occurs {len(outdated) + 1} times"
            for id_, outdated in self._outdated.items()
        ]
        return shared + [
            f"{owner[0]} has the ids {', '.join(str(token.id) for token in tokens)}"
            for rows in self.rows.grouped_by_user()
            for owner, tokens in _by_owner(rows)
            if len(tokens) > 1
        ]

    def superseded_by(self, row: Row) -> list[str]:
        """Return the ids of the rows of the same user and client that are not newer than this."""
        new = decode(row)
        if not new.user_name:
            return []
        return [
            str(old.id)
            for old in map(_token, self.rows.select(Criterion(user_name=new.user_name)))
            if old and old.id != new.id and _owner(old) == _owner(new)
            if freshest([new, old]) is new
        ]

    def all_keys(self) -> list[Key]:
        """Return the key of every line."""
        return list(self._lines)

    def render(self, changes: Changes) -> MaskedBytes:
        """Return the content of the file with changes."""
        return MaskedBytes(b"".join((EMPTY, *self._lines_with(changes).values())))

    def apply(self, changes: Changes) -> None:
        """Apply changes that were written to the file."""
        self._lines = self._lines_with(changes)
        for key, line in changes.items():
            self._outdated.pop(key, None)
            self.rows.put(key, line.row if line else None)
        self.clashing = [key for key in self.clashing if key in self._lines]

    def _lines_with(self, changes: Changes) -> dict[Key, MaskedBytes]:
        lines = dict(self._lines)
        for key, line in changes.items():
            for number in self._outdated.get(key, ()):
                lines.pop(number, None)
            if line:
                lines[key] = line.raw
            else:
                lines.pop(key, None)
        return lines


def _token(row: Row) -> Token | None:
    try:
        return decode(row)
    except CorruptRecord:
        return None


def _owner(token: Token) -> tuple[str | None, str | None, str | None]:
    return token.user_name and fold_name(token.user_name), token.client_id, token.org_id


def _by_owner(rows: list[Row]) -> Iterator[tuple[tuple[str | None, ...], list[Token]]]:
    groups: dict[tuple[str | None, ...], list[Token]] = {}
    for token in filter(None, map(_token, rows)):
        groups.setdefault(_owner(token), []).append(token)
    yield from groups.items()
