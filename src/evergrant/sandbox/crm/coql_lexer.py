"""COQL as text: its words, and the errors of those that stand wrong.

Source: https://www.zoho.com/crm/developer/docs/api/v8/COQL-Overview.html; error texts are those
of https://github.com/zoho/crm-oas (v8.0/coql).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from evergrant.sandbox.crm.errors import CrmError

__all__ = ["Reader", "Word"]

_WORD = re.compile(
    r"""\s*(?:
        '(?P<single>(?:[^']|'')*)'
      | "(?P<double>(?:[^"]|"")*)"
      | (?P<plain>[A-Za-z_$][\w$.]*|-?\d[\w.:+-]*)
      | (?P<sign><=|>=|!=|[=<>(),*])
    )""",
    re.VERBOSE | re.DOTALL,
)

_SIGNS = {"<=", ">=", "!=", "=", "<", ">", "(", ")", ",", "*"}


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a query; ``text`` is without quotes, ``at`` its place in the query."""

    text: str
    at: int
    quoted: bool = False

    def says(self, keyword: str) -> bool:
        """Return True if this is a keyword; those know no letter case."""
        return not self.quoted and self.text.casefold() == keyword


class Reader:
    """Hands out the words of a query, one after the other."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._words = self._split(query)
        self._next = 0

    @property
    def ended(self) -> bool:
        """Whether all words were taken."""
        return self._next == len(self._words)

    def peek(self) -> Word | None:
        """Return the next word, and leave it."""
        return None if self.ended else self._words[self._next]

    def take(self) -> Word:
        """Return the next word.

        Raises:
            CrmError: There is none.
        """
        word = self.peek()
        if word is None:
            self.refuse(None)
        self._next += 1
        return word

    def skip(self, *keywords: str) -> bool:
        """Take these keywords if they are what comes next."""
        words = self._words[self._next : self._next + len(keywords)]
        found = len(words) == len(keywords)
        found = found and all(w.says(k) for w, k in zip(words, keywords, strict=True))
        self._next += len(keywords) if found else 0
        return found

    def expect(self, keyword: str) -> None:
        """Take this keyword.

        Raises:
            CrmError: Another word stands there.
        """
        if not self.skip(keyword):
            self.refuse(self.peek())

    def names(self) -> list[Word]:
        """Take words with commas between them."""
        listed = [self._name()]
        while self.skip(","):
            listed.append(self._name())
        return listed

    def refuse(self, word: Word | None) -> NoReturn:
        """Refuse a word where it stands; None: the query ends too early.

        Raises:
            CrmError: SYNTAX_ERROR.
        """
        if word is None:
            near = self._words[-1].text if self._words else ""
            message = "error occured while parsing the query"
            raise CrmError(400, "SYNTAX_ERROR", message, {"near": near})
        before = self._query[: word.at]
        line, column = before.count("\n") + 1, word.at - before.rfind("\n")
        details = {"line": line, "column": column, "near": word.text}
        raise CrmError(400, "SYNTAX_ERROR", "unexpected token", details)

    def _name(self) -> Word:
        word = self.take()
        if not word.quoted and word.text in _SIGNS:
            self.refuse(word)
        return word

    def _split(self, query: str) -> list[Word]:
        words, at, end = [], 0, len(query.rstrip())
        while at < end:
            found = _WORD.match(query, at)
            if found is None:
                lost = len(query) - len(query[at:].lstrip())
                self.refuse(Word(query[lost], lost))
            kind = str(found.lastgroup)
            quote = {"single": "'", "double": '"'}.get(kind, "")
            text = found[kind].replace(quote * 2, quote) if quote else found[kind]
            words.append(Word(text, found.start(kind) - len(quote), bool(quote)))
            at = found.end()
        return words
