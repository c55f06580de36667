"""The official FileStore and one of evergrant's stores under the same random calls.

Runs where Zoho's SDK 8.0 is installed. No call leads to Zoho: access tokens are alive for years,
and what is looked up by a grant says when it expires, as no token does that is to be exchanged.
"""

from __future__ import annotations

import csv
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore

from evergrant.zohocrmsdk import token_store
from tests.support.sdk.differences import DIFFERENCES
from tests.support.sdk.differential_case import Case, Fields, Outcome, Rows

__all__ = ["differences"]

MEMORY = "/dev/shm"  # noqa: S108 - not a name that others could guess: only its parent

CALLS = 8  # in a sequence
STEPS = {
    "save_token": 8,
    "find_token": 6,
    "find_token_by_id": 2,
    "delete_token": 2,
    "delete_tokens": 0.2,
}
USERS = ("alice@example.com:1", "bob@example.com:1", "carol@example.com:1", "")
DOMAINS = ("https://www.zohoapis.eu", "https://www.zohoapis.com")
NOBODYS_IDS = ("77", "tenant7")
TOKENS = {
    "save_token": (("access_token", 1), ("refresh_token", 0.6), ("grant_token", 0.3)),
    "find_token": (("access_token", 0.3), ("refresh_token", 0.5), ("grant_token", 0.3)),
}
"""What a token that is handed in carries, and how likely."""

FAR = 1893499200000


def differences(session: Any, url: str, first: int, sequences: int) -> dict[str, Any]:
    """Return how often each named difference was seen, and the first one without a name.

    Args:
        session: Makes and reads tokens of the SDK.
        url: Of our store; ``{folder}`` in it stands for one that is empty.
        first: The number of the first sequence; each has calls of its own.
    """
    counts: Counter[str] = Counter()
    for number in range(first, first + sequences):
        with tempfile.TemporaryDirectory(dir=MEMORY if Path(MEMORY).is_dir() else None) as folder:
            case = Pair(session, url, Path(folder), random.Random(number)).sequence(counts)
        if case:
            return {"counts": counts, "sequence": number, "unnamed": str(case)}
    return {"counts": counts, "sequence": None, "unnamed": None}


class Pair:
    """Both stores, empty, and which of their ids mean the same row."""

    def __init__(self, session: Any, url: str, folder: Path, rng: random.Random) -> None:
        self._session, self._random = session, rng
        self._path = folder / "official.csv"
        self._official = FileStore(str(self._path))
        self._ours = token_store(url.format(folder=folder), lifeboat=folder)
        self._our_ids: dict[str, str] = {}

    def sequence(self, counts: Counter[str]) -> Case | None:
        """Make random calls; return the first case whose difference has no name."""
        try:
            for _ in range(CALLS):
                case = self._case()
                counts["calls"] += 1
                if not case.alike:
                    names = [difference.name for difference in DIFFERENCES if difference.fits(case)]
                    if not names:
                        return case
                    counts[names[0]] += 1
                    self._level(case.our_rows)
                if "TokenNotSaved" in case.ours.raised:
                    break  # it waits in the lifeboat, and would be restored
            return None
        finally:
            self._ours.close()

    def _case(self) -> Case:
        before = self._rows(self._ours)
        (step,) = self._random.choices(list(STEPS), list(STEPS.values()))
        asked = self._asked(step, list(before))
        theirs = {ours: official for official, ours in self._our_ids.items()}
        official = self._outcome(
            self._official, step, {**asked, "id": theirs.get(asked["id"], asked["id"])}
        )
        ours = self._outcome(self._ours, step, asked)
        if step == "save_token" and official.answer and ours.answer:
            self._our_ids[official.answer["id"]] = ours.answer["id"]
        if official.answer:
            official.answer["id"] = self._our_ids.get(official.answer["id"], official.answer["id"])
        return Case(
            step, asked, before, official, ours, self._official_rows(), self._rows(self._ours)
        )

    def _official_rows(self) -> Rows:
        rows: Rows = {}
        for id_, row in self._rows(self._official).items():
            ours = self._our_ids.get(id_, id_)
            rows[f"official {id_}" if ours in rows else ours] = row
        return rows

    def _asked(self, step: str, ids: list[str]) -> Fields:
        rng = self._random
        id_ = rng.choice(ids if ids and rng.random() < 0.8 else NOBODYS_IDS)
        if step not in {"save_token", "find_token"}:
            return {"id": id_}
        saving = step == "save_token"
        asked: Fields = {"id": id_ if rng.random() < 0.3 else None}
        if rng.random() < 0.6:
            asked["user_name"] = rng.choices(USERS, (8, 8, 8, 1))[0]
        if client := rng.choices(("A", "B", None), (5, 3, 3))[0]:
            asked |= {"client_id": f"1000.{client}", "client_secret": f"secret-{client}"}
        # A row without an access token would be refreshed when it is found: with nobody to ask.
        for name, likely in TOKENS[step] if rng.random() < 0.98 else ():
            if rng.random() < likely:
                asked[name] = f"{name}-{rng.randrange(5)}"
        named = {"access_token", "refresh_token", "grant_token"} & set(asked)
        if rng.random() < 0.9 if saving else named:
            asked["expires_in"] = str(FAR + rng.randrange(5) * 1000)
        if rng.random() < 0.3:
            asked["redirect_url"] = "https://app.example.com/callback"
        if rng.random() < 0.4:
            asked["api_domain"] = rng.choice(DOMAINS)
        return asked

    def _outcome(self, store: Any, step: str, asked: Fields) -> Outcome:
        try:
            return Outcome(self._answer(store, step, asked))
        except Exception as error:  # noqa: BLE001 - whatever a store raises is what is compared
            return Outcome(None, tuple(self._session.kinds(error)))

    def _answer(self, store: Any, step: str, asked: Fields) -> Fields | None:
        call = getattr(store, step)
        if step == "delete_tokens":
            found = call()
        elif step in {"find_token_by_id", "delete_token"}:
            found = call(asked["id"])
        else:
            given = self._session.blank(asked)
            found = call(given)
            if step == "save_token":
                found = given
        return self._fields(found) if found else None

    def _fields(self, token: Any) -> Fields:
        fields = self._session.fields_of(token)
        return {name: value or None for name, value in fields.items()}

    def _rows(self, store: Any) -> Rows:
        return {row.pop("id"): row for row in map(self._fields, store.get_tokens())}

    def _level(self, rows: Rows) -> None:
        """Let the official store hold what ours does."""
        with self._path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self._official.headers)
            # The fields of a token are in the order of the columns.
            writer.writerows([id_, *row.values()] for id_, row in rows.items())
        self._our_ids = {id_: id_ for id_ in rows}
