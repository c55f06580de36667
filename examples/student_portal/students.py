"""The pages about students."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from student_portal.crm import FIELDS, Refused, Student, Students
from student_portal.login import user

__all__ = ["site"]

MOST_PAGES = 100
"""Zoho lists the first 2,000 records by page number, which is 100 pages of 20."""

Page = Response | str | tuple[str, int]

site = Blueprint("students", __name__, url_prefix="/students")


@site.before_request
def logged_in() -> Response | None:
    """Let nobody in who has not logged in."""
    return None if user() else redirect(url_for("login.welcome"), 303)


@site.get("")
def index() -> Page:
    """List the students."""
    number = request.args.get("page", 1, type=int)
    if not 1 <= number <= MOST_PAGES:
        abort(404)
    listed, more = _students().page(user(), number)
    more = more and number < MOST_PAGES
    return render_template("students.html", students=listed, page=number, more=more)


@site.get("/new")
def new() -> Page:
    """Show the empty form."""
    return _form({})


@site.post("")
def create() -> Page:
    """Add a student."""
    student = _sent()
    try:
        _check(student)
        _students().create(user(), student)
    except Refused as refusal:
        return _form(student, refusal), 422
    return _done(f"{_name(student)} was added.")


@site.get("/<int:student_id>")
def edit(student_id: int) -> Page:
    """Show a student's form."""
    return _form(_students().get(user(), student_id) or abort(404), student_id=student_id)


@site.post("/<int:student_id>")
def update(student_id: int) -> Page:
    """Change a student."""
    student = _sent()
    try:
        _check(student)
        _students().update(user(), student_id, student)
    except Refused as refusal:
        return _form(student, refusal, student_id), 422
    return _done(f"{_name(student)} was saved.")


@site.post("/<int:student_id>/delete")
def delete(student_id: int) -> Page:
    """Delete a student."""
    _students().delete(user(), student_id)
    return _done("The student was deleted.")


def _students() -> Students:
    students: Students = current_app.extensions["students"]
    return students


def _sent() -> Student:
    return {field.name: request.form.get(field.name, "").strip() for field in FIELDS}


def _check(student: Student) -> None:
    for field in FIELDS:
        if field.required and not student[field.name]:
            raise Refused(f"{field.label} is missing.", field.name)
        if len(student[field.name]) > field.length:
            raise Refused(f"{field.label} is longer than {field.length} characters.", field.name)


def _form(student: Student, refusal: Refused | None = None, student_id: int | None = None) -> str:
    return render_template(
        "student.html", fields=FIELDS, student=student, refusal=refusal, student_id=student_id
    )


def _name(student: Student) -> str:
    return f"{student['First_Name']} {student['Last_Name']}".strip()


def _done(what: str) -> Response:
    flash(what)
    return redirect(url_for("students.index"), 303)
