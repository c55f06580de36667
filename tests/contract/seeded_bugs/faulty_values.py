"""Stores that alter values, compare them loosely, or show them."""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import replace

from evergrant.errors import Conflict, StoreError, StoreUnavailable
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import COLUMNS, Row, encode
from evergrant.token import Token
from tests.contract.seeded_bugs.dict_store import CredulousDict, DictStore

__all__: list[str] = []

EXACTLY = "test_any_text_is_kept_exactly_in_every_field"
FINDS = "test_any_text_finds_its_own_token_by_every_criterion"
PEOPLE = "test_look_alikes_are_different_people"
CLIENTS = "test_look_alikes_are_different_clients_orgs_and_grants"
REFUSED = "test_text_that_cannot_be_kept_is_refused_not_altered"
LONG = "test_an_access_token_of_a_thousand_characters_is_no_other"
SHOWS = "test_no_secret_shows"
ERRORS = "test_no_error_shows_a_secret"
FAILING = "test_a_save_that_fails_shows_no_secret"
LOGS = "test_no_log_line_shows_a_secret"


class AltersText(DictStore):
    """Keeps what ``kept`` makes of each text."""

    def kept(self, text: str) -> str:
        raise NotImplementedError

    def _put(self, row: Row) -> None:
        texts = Row(self.kept(value) if isinstance(value, str) else value for value in row)
        super()._put(texts._replace(id=row.id))


class StripsText(AltersText):
    caught_by = (FINDS, PEOPLE)

    def kept(self, text: str) -> str:
        return text.strip()


class NormalisesLineBreaks(AltersText):
    caught_by = (FINDS,)

    def kept(self, text: str) -> str:
        return text.replace("\r\n", "\n").replace("\r", "\n")


class CutsAt255(AltersText):
    caught_by = (REFUSED, LONG)

    def kept(self, text: str) -> str:
        return text[:255]

    def _select(self, criterion: Criterion) -> list[Row]:
        return super()._select(Criterion({c: value[:255] for c, value in criterion.items()}))

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        saved = super().save_token(token, expected_version=expected_version)
        return self.find_token_by_id(str(saved.id)) or saved


class CutsAtNul(AltersText):
    caught_by = (REFUSED,)

    def kept(self, text: str) -> str:
        return text.partition("\x00")[0]


class CountsBytes(AltersText):
    caught_by = (FINDS,)

    def kept(self, text: str) -> str:
        return text.encode(errors="replace")[:255].decode(errors="ignore")


class CannotQuote(DictStore):
    caught_by = (EXACTLY, FINDS)

    def _insert(self, row: Row) -> bool:
        if any("'" in str(value) for value in row):
            raise StoreError("syntax error")
        return super()._insert(row)


class ReadsInjectedSql(CredulousDict):
    caught_by = (FINDS,)

    def _fits(self, row: Row, column: str, value: str) -> bool:
        return super()._fits(row, column, value) or "' or '1'='1" in value


class ComparesLoosely(CredulousDict):
    """Takes texts for equal when ``folded`` makes the same of them."""

    def folded(self, text: str) -> str:
        raise NotImplementedError

    def _fits(self, row: Row, column: str, value: str) -> bool:
        return self.folded(str(row[COLUMNS.index(column)])) == self.folded(value)


class IgnoresCase(ComparesLoosely):
    caught_by = (PEOPLE,)

    def folded(self, text: str) -> str:
        return text.lower()


class IgnoresTrailingSpaces(ComparesLoosely):
    caught_by = (PEOPLE,)

    def folded(self, text: str) -> str:
        return text.rstrip(" ")


class IgnoresCompositionOfLetters(ComparesLoosely):
    caught_by = (PEOPLE,)

    def folded(self, text: str) -> str:
        return unicodedata.normalize("NFC", text)


class IgnoresAccents(ComparesLoosely):
    caught_by = (PEOPLE,)
    folded = staticmethod(
        lambda text: unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    )


class MixesClientsThatLookAlike(DictStore):
    caught_by = (CLIENTS,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        client_id = token.client_id and token.client_id.lower()
        return super().save_token(
            replace(token, client_id=client_id), expected_version=expected_version
        )


class ShowsItsRows(DictStore):
    caught_by = (SHOWS,)

    def __repr__(self) -> str:
        return f"ShowsItsRows({[tuple(row) for row in self.shelf.rows.values()]})"


class RefusesWhatIsNoText(DictStore):
    """Cannot keep what cannot be encoded, and says so as ``refuse`` does."""

    def refuse(self, row: Row, error: UnicodeEncodeError) -> None:
        raise NotImplementedError

    def _put(self, row: Row) -> None:
        try:
            " ".join(map(str, row)).encode()
        except UnicodeEncodeError as error:
            self.refuse(row, error)
        super()._put(row)


class QuotesTheRowThatItCannotKeep(RefusesWhatIsNoText):
    caught_by = (FAILING,)

    def refuse(self, row: Row, error: UnicodeEncodeError) -> None:
        raise StoreUnavailable(f"cannot write {','.join(map(str, row))}") from None


class NotesTheRowThatItCannotKeep(RefusesWhatIsNoText):
    caught_by = (FAILING,)

    def refuse(self, row: Row, error: UnicodeEncodeError) -> None:
        problem = StoreError("a value is no text")
        problem.add_note(f"in {tuple(row)}")
        raise problem from None


class LetsTheEncoderTell(RefusesWhatIsNoText):
    caught_by = (FAILING,)

    def refuse(self, row: Row, error: UnicodeEncodeError) -> None:
        raise StoreError("a value is no text") from error


class TellsTheValuesInErrors(DictStore):
    caught_by = (ERRORS,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        try:
            return super().save_token(token, expected_version=expected_version)
        except Conflict as error:
            raise Conflict(f"cannot save {encode(token)[5]}") from error


class HoldsPlainValuesWhileItFails(DictStore):
    caught_by = (ERRORS,)

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        values = [str.__str__(token.access_token or ""), str.__str__(token.refresh_token or "")]
        saved = super().save_token(token, expected_version=expected_version)
        values.clear()
        return saved


class LogsItsStatements(DictStore):
    caught_by = (LOGS,)

    def _insert(self, row: Row) -> bool:
        logging.getLogger("driver").debug("insert %s", tuple(row))
        return super()._insert(row)
