"""One call to two stores that held the same: what was asked, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

__all__ = ["Case", "Fields", "Outcome", "Rows"]

UNIT = ("access_token", "expires_in")
OWNERS = ("user_name", "client_id", "client_secret", "redirect_url")

Fields = dict[str, Any]
Rows = dict[str, Fields]


class Outcome(NamedTuple):
    """What a call came to.

    Attributes:
        answer: The fields of the token that it returned, or filled.
        raised: The classes of the error, and of its causes.
    """

    answer: Fields | None = None
    raised: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One call of both stores.

    Attributes:
        step: The method.
        asked: The token that was handed in, or only its id.
        before: The rows that both held, by id, in the order of the file.
        official_rows: What the official store holds afterwards, by the ids of ours.
    """

    step: str
    asked: Fields
    before: Rows
    official: Outcome
    ours: Outcome
    official_rows: Rows
    our_rows: Rows

    @property
    def alike(self) -> bool:
        """Whether both did the same; why they refuse is each one's own."""
        return (self.official.answer, bool(self.official.raised), self.official_rows) == (
            self.ours.answer,
            bool(self.ours.raised),
            self.our_rows,
        )

    def says(self, name: str) -> Any:
        """Return what the caller's token says, if it says anything."""
        return self.asked.get(name) or None

    def fitting(self, *names: str) -> list[str]:
        """Return the ids of the rows that say the same as the caller's token."""
        return [
            id_
            for id_, row in self.before.items()
            if all(self.says(name) and row[name] == self.says(name) for name in names)
        ]

    @property
    def official_row(self) -> str | None:
        """The id of the row that the official store goes by: the first that fits."""
        return self.candidates[0] if self.candidates else None

    @cached_property
    def candidates(self) -> list[str]:
        """The ids of the rows that fit by the official store's rule."""
        if self.step == "save_token" and self.says("id"):
            return [id_ for id_ in self.before if id_ == self.says("id")]
        if "user_name" in self.asked:
            return self.fitting("user_name")
        if self.says("access_token") and not self.says("client_id"):
            return self.fitting("access_token")
        if self.says("client_id"):
            either = {*self.fitting("grant_token"), *self.fitting("refresh_token")}
            return [id_ for id_ in self.before if id_ in either]
        return []

    def is_of_another(self, id_: str, *names: str) -> bool:
        """Return True if a row says otherwise than the caller's token under one of these names."""
        row = self.before[id_]
        return any(row[n] and self.says(n) and row[n] != self.says(n) for n in names)

    @cached_property
    def found(self) -> str | None:
        """The id of the row that ours answered with."""
        answer = self.ours.answer
        if self.step != "find_token" or answer is None or self.our_rows != self.before:
            return None
        return answer["id"] if self._answers_with(answer["id"]) else None

    def _answers_with(self, id_: str) -> bool:
        """Return True if ours filled the token with a row of its own: gaps stay as the caller's."""
        answer, row = self.ours.answer, self.our_rows.get(id_)
        if answer is None or row is None or answer["expires_in"] != row["expires_in"]:
            return False
        names = [name for name in row if name != "expires_in"]
        return all(answer[name] == (row[name] or self.says(name)) for name in names)

    @property
    def answers_nothing(self) -> bool:
        """Whether ours was asked for a token, and has none."""
        return self.step == "find_token" and self.ours == Outcome() and self.our_rows == self.before

    def is_refused(self, kind: str) -> bool:
        """Return True if ours refused to save, and left everything as it was."""
        return (
            self.step == "save_token" and kind in self.ours.raised and self.our_rows == self.before
        )

    @property
    def saved(self) -> str | None:
        """The id of the row that ours saved the token in."""
        answer = self.ours.answer
        return answer["id"] if self.step == "save_token" and answer else None

    @cached_property
    def saved_properly(self) -> bool:
        """Whether ours saved the token in its own row, whole, and touched no other.

        A nameless row of the same grant may go: it was the same token, before its owner was known.
        """
        id_ = self.saved
        if id_ is None or not self._answers_with(id_):
            return False
        touched = {one for one in self.before if self.before[one] != self.our_rows.get(one)}
        doubles = {one for one in touched - {id_} if one not in self.our_rows}
        added = set(self.our_rows) - set(self.before)
        return (
            touched - {id_} == doubles
            and all(self._is_nameless_double(one) for one in doubles)
            and added <= {id_}
            and (self._may_be_new if id_ in added else self._is_its_own(id_))
            and self._is_whole(id_, doubles)
        )

    def _is_nameless_double(self, id_: str) -> bool:
        named = self.before[id_]["user_name"]
        return not named and (id_ == self.says("id") or self._shares_a_grant(id_))

    def _shares_a_grant(self, id_: str) -> bool:
        names = ("access_token", "refresh_token", "grant_token")
        return any(id_ in self.fitting(name) for name in names)

    def _is_its_own(self, id_: str) -> bool:
        if self.is_of_another(id_, "user_name", "client_id"):
            return False
        if id_ == self.says("id") or id_ in self.fitting("user_name"):
            return True
        # By a secret that both hold, unless the row is named and the token is not its owner's.
        return self._shares_a_grant(id_)

    @property
    def _may_be_new(self) -> bool:
        """Whether no row is the token's: by its id, or its user and client."""
        return not any(
            not self.is_of_another(id_, "user_name", "client_id")
            for id_ in {*self.fitting("user_name"), self.says("id")} & set(self.before)
        )

    def _is_whole(self, id_: str, doubles: set[str]) -> bool:
        """Return True if token and expiry are one side's, and all other values known."""
        new, given = self.our_rows[id_], {name: self.says(name) for name in self.our_rows[id_]}
        sides = [given, *(self.before[one] for one in (id_, *doubles) if one in self.before)]
        return (
            any(all(new[name] == side[name] for name in UNIT) for side in sides)
            and all(new[name] in [side[name] for side in sides] for name in new)
            and all(new[name] == self.says(name) for name in OWNERS if self.says(name))
        )
