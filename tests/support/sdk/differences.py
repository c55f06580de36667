"""Where evergrant's stores do otherwise than the official FileStore, on purpose.

Each difference says what ours does, and when: a case that fits is one in which ours did that,
completely. Everything else is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.support.sdk.differential_case import Case

__all__ = ["DIFFERENCES", "Difference"]


class Difference(NamedTuple):
    """A difference that is meant.

    Attributes:
        name: What ours does.
        fault: The number of the official store's fault, where it has one.
        fits: Says whether a case is of this kind.
    """

    name: str
    fault: int | None
    fits: Callable[[Case], bool]


def _unknown_id(case: Case) -> bool:
    nothing = case.ours.answer is None and not case.ours.raised
    return case.step == "find_token_by_id" and case.asked["id"] not in case.before and nothing


def _stored_wins(case: Case) -> bool:
    return case.found is not None and case.found == case.official_row


def _id_first(case: Case) -> bool:
    return case.found is not None and case.found == case.says("id")


def _freshest(case: Case) -> bool:
    chosen = case.found or (case.saved if case.saved_properly else None)
    if chosen not in case.candidates[1:]:
        return False
    may = [id_ for id_ in case.candidates if not case.is_of_another(id_, "user_name", "client_id")]
    # To save, those that name no client either come first, as those of the very client do.
    very = [id_ for id_ in may if case.before[id_]["client_id"] == case.says("client_id")]
    rivals = very if case.saved and very else may
    return _expiry(case, chosen) == max(_expiry(case, id_) for id_ in rivals)


def _expiry(case: Case, id_: str) -> str:
    return case.before[id_]["expires_in"] or ""


def _other_client(case: Case) -> bool:
    """The official store goes by a row of another client, ours by the client's own or by none."""
    row, client = case.official_row, case.says("client_id")
    if row is None or client is None or case.before[row]["client_id"] == client:
        return False
    if case.found is not None:
        return case.found in case.fitting("client_id")
    return case.answers_nothing or case.saved_properly


def _grant_before_refresh(case: Case) -> bool:
    if not case.says("grant_token"):
        return False
    if case.saved_properly:
        # To save, a row that names no client is the caller's as well.
        own = [i for i in case.fitting("grant_token") if not case.is_of_another(i, "client_id")]
        return case.saved in own
    fitting = case.fitting("grant_token", "client_id")
    return case.found in fitting or (case.answers_nothing and not fitting)


def _empty_name(case: Case) -> bool:
    return case.asked.get("user_name") == "" and (case.found is not None or case.saved_properly)


def _foreign_id(case: Case) -> bool:
    id_ = case.says("id")
    return (
        case.is_refused("Conflict")
        and id_ in case.before
        and case.is_of_another(id_, "user_name", "client_id")
    )


def _which_client(case: Case) -> bool:
    clients = {case.before[id_]["client_id"] for id_ in case.fitting("user_name")}
    return case.is_refused("Conflict") and len(clients) > 1


def _nothing_to_save(case: Case) -> bool:
    tokens = ("access_token", "refresh_token", "grant_token")
    nothing = not any(case.says(name) for name in tokens)
    return nothing and case.is_refused("StoreError") and not case.is_refused("TokenNotSaved")


def _odd_ids(case: Case) -> bool:
    odd = any(not id_.isdecimal() for id_ in case.before)
    return odd and "ValueError" in case.official.raised and case.saved_properly


def _one_row(case: Case) -> bool:
    return case.saved_properly and len(case.official_rows) > len(case.our_rows)


def _whole(case: Case) -> bool:
    return case.saved_properly and case.saved == case.official_row


DIFFERENCES = (
    Difference("an unknown id is nothing, not an error", 7, _unknown_id),
    Difference("what is stored wins over what the caller holds", 15, _stored_wins),
    Difference("another client's row is not the caller's", 4, _other_client),
    Difference("an id decides before anything else", None, _id_first),
    Difference("where several rows fit, the nearest and freshest is meant", None, _freshest),
    Difference("a grant token decides before a refresh token", None, _grant_before_refresh),
    Difference("an empty name says nothing", 3, _empty_name),
    Difference("the id of somebody else's row is refused", 4, _foreign_id),
    Difference("which client's row is meant is not guessed", 4, _which_client),
    Difference("a token that holds nothing is refused", None, _nothing_to_save),
    Difference("an id that is no number hinders nobody", 13, _odd_ids),
    Difference("a user has one row, and so has a grant", None, _one_row),
    Difference("what was granted together is replaced together", 15, _whole),
)
