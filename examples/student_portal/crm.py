"""Students in Zoho CRM, by Zoho's own Python SDK; its tokens come from evergrant's store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from zohocrmsdk.src.com.zoho.crm.api import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.record import (
    APIException,
    BodyWrapper,
    GetRecordsParam,
    Record,
    RecordOperations,
)

from evergrant import EvergrantError, Keeper
from evergrant.zohocrmsdk import NoUser, acting_as, token_store

__all__ = ["FIELDS", "Refused", "Student", "Students"]

MODULE = "Contacts"
PER_PAGE = 20
NO_CONTENT = 204


class Field(NamedTuple):
    """A field of a student: its name in the CRM, and how people fill it in."""

    name: str
    label: str
    length: int
    kind: str = "text"
    required: bool = False


FIELDS = (
    Field("First_Name", "First name", 40),
    Field("Last_Name", "Last name", 80, required=True),
    Field("Email", "E-mail", 100, kind="email"),
    Field("Department", "Course", 50),
)

Student = dict[str, str]
"""Field names and values, and the ``id`` of one that is in the CRM."""


class Refused(Exception):  # noqa: N818 - named for what happened
    """The CRM did not take what it was given.

    Args:
        message: For people.
        field: The name of the field that it is about.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Students:
    """The students that a user can see.

    Each method raises `EvergrantError` where the user's token cannot be had, and `Refused` where
    the CRM says no.

    Args:
        keeper: Has the users' tokens, and knows where Zoho is.
        folder: Where the SDK may keep what it knows of fields.
    """

    def __init__(self, keeper: Keeper, folder: Path) -> None:
        accounts, home = keeper.accounts, keeper.accounts.home_data_center
        store = token_store(keeper.store, data_centers=accounts.data_centers, clock=accounts.clock)
        Initializer.initialize(
            DataCenter.Environment(
                home.api_url, f"{home.accounts_url}/oauth/v2/token", home.upload_url or home.api_url
            ),
            NoUser(),  # each call is some user's: see _speaking_for
            store=store,
            resource_path=str(folder),
        )

    def page(self, user: str, number: int) -> tuple[list[Student], bool]:
        """Return a page of students, the newest first, and whether there are more."""
        asked = ParameterMap()
        asked.add(GetRecordsParam.fields, ",".join(field.name for field in FIELDS))
        asked.add(GetRecordsParam.sort_by, "Created_Time")
        asked.add(GetRecordsParam.sort_order, "desc")
        asked.add(GetRecordsParam.per_page, PER_PAGE)
        asked.add(GetRecordsParam.page, number)
        with _speaking_for(user):
            found = _object_of(RecordOperations(MODULE).get_records(asked))
        if found is None:
            return [], False
        return list(map(_student, found.get_data())), found.get_info().get_more_records()

    def get(self, user: str, student_id: int) -> Student | None:
        """Return one student, or None."""
        with _speaking_for(user):
            found = _object_of(RecordOperations(MODULE).get_record(student_id))
        return _student(found.get_data()[0]) if found else None

    def create(self, user: str, student: Student) -> None:
        """Add a student."""
        with _speaking_for(user):
            _written(RecordOperations(MODULE).create_records(_body(student)))

    def update(self, user: str, student_id: int, student: Student) -> None:
        """Change a student; an empty value empties the field."""
        with _speaking_for(user):
            _written(RecordOperations(MODULE).update_record(student_id, _body(student)))

    def delete(self, user: str, student_id: int) -> None:
        """Delete a student."""
        with _speaking_for(user):
            _written(RecordOperations(MODULE).delete_record(student_id))


@contextmanager
def _speaking_for(user: str) -> Iterator[None]:
    """Let the SDK act as a user, and unwrap evergrant's own errors from the SDK's."""
    try:
        with acting_as(user):
            yield
    except SDKException as error:
        if isinstance(error.cause, EvergrantError):
            raise error.cause from None
        raise Refused("Zoho CRM could not be asked.") from error


def _object_of(answer: Any) -> Any:
    """Return what the CRM answered, or None for no content.

    Raises:
        Refused: It answered an error, or something else than the CRM does.
    """
    if answer is not None and answer.get_status_code() == NO_CONTENT:
        return None
    found = answer and answer.get_object()
    if isinstance(found, APIException):
        raise _refusal(found)
    if not hasattr(found, "get_data"):
        raise Refused("Zoho CRM's answer could not be read.")
    return found


def _written(answer: Any) -> None:
    (result,) = _object_of(answer).get_data()
    if isinstance(result, APIException):
        raise _refusal(result)


def _refusal(error: Any) -> Refused:
    name = (error.get_details() or {}).get("api_name")
    field = next((field for field in FIELDS if field.name == name), None)
    about = f"{field.label}: " if field else ""
    return Refused(f"{about}Zoho CRM says “{error.get_message().get_value()}”.", field and name)


def _body(student: Student) -> Any:
    record = Record()
    for field in FIELDS:
        record.add_key_value(field.name, student[field.name] or None)
    body = BodyWrapper()
    body.set_data([record])
    return body


def _student(record: Any) -> Student:
    values = {field.name: record.get_key_value(field.name) or "" for field in FIELDS}
    return {"id": str(record.get_id()), **values}
