"""The programme around the infusions: sessions attended, other care since last time, notes."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.care import DayInFuture, NothingAsked, OtherCareKind, SessionKind, SessionRecorded
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import audit, finding, marking
from prom_server.services.side_effects import SAID
from prom_server.store.base import opaque_id
from prom_server.store.care import Attendance, CourseNote, OtherCare
from prom_server.store.courses import Course

AGAIN = timedelta(minutes=1)


def record_session(
    session: Session,
    course_public_id: str,
    kind: SessionKind,
    on: date,
    *,
    attended: bool,
    by: StaffMember,
    at: datetime,
) -> str:
    """A session of the programme, attended or missed. Raises DayInFuture, SessionRecorded."""
    course = _held(session, course_public_id, on, by=by, at=at)
    same = select(Attendance.id).where(
        Attendance.course_id == course.id,
        Attendance.on == on,
        Attendance.kind == str(kind),
        Attendance.in_error_at.is_(None),
    )
    if session.scalar(same.limit(1)) is not None:
        raise SessionRecorded("that day")
    public_id = opaque_id()
    values = {"on": on, "kind": str(kind), "attended": attended, "recorded_by": by.id, "recorded_at": at}
    session.execute(insert(Attendance).values(public_id=public_id, course_id=course.id, **values))
    detail = f"{kind} {on}: {'attended' if attended else 'missed'}"
    _record(session, "attendance.record", course, by=by, at=at, detail=detail)
    return public_id


def record_other_care(
    session: Session,
    course_public_id: str,
    asked_on: date,
    answers: Mapping[OtherCareKind, bool | None],
    *,
    by: StaffMember,
    at: datetime,
) -> None:
    """What was asked on a day: received, not received, or None where it was not asked after all. Others stay.

    Raises DayInFuture, NothingAsked.
    """
    course = _held(session, course_public_id, asked_on, by=by, at=at)
    mine = (OtherCare.course_id == course.id, OtherCare.asked_on == asked_on)
    before = {row.kind: row.received for row in session.scalars(select(OtherCare).where(*mine))}
    if not before and all(answer is None for answer in answers.values()):
        raise NothingAsked("no line")
    changed = []
    for kind, answer in answers.items():
        old = before.get(kind)
        if answer is old:
            continue
        values = {"received": answer, "asked_by": by.id, "asked_at": at}
        if answer is None:
            session.execute(delete(OtherCare).where(*mine, OtherCare.kind == str(kind)))
        elif old is None:
            key = {"course_id": course.id, "asked_on": asked_on, "kind": str(kind)}
            session.execute(insert(OtherCare).values(**key, **values))
        else:
            session.execute(update(OtherCare).where(*mine, OtherCare.kind == str(kind)).values(**values))
        changed.append(f"{kind}: {SAID[old]} -> {SAID[answer]}")
    if changed:
        _record(session, "other_care.record", course, by=by, at=at, detail="\n".join([str(asked_on), *changed]))


def write_note(session: Session, course_public_id: str, text: str, *, by: StaffMember, at: datetime) -> str:
    """Appended; a wrong one is marked and another written. Its words are in the record, not again in the audit.

    The same words by the same person within a minute are a second press: it changes nothing.
    """
    require(by, Action.MANAGE_COURSES)
    course, _patient = finding.course(session, course_public_id, by=by, lock=True)
    mine = (CourseNote.course_id == course.id, CourseNote.written_by == by.id, CourseNote.in_error_at.is_(None))
    just_now = select(CourseNote.public_id).where(*mine, CourseNote.text == text, CourseNote.written_at > at - AGAIN)
    if (written := session.scalar(just_now.limit(1))) is not None:
        return written
    public_id = opaque_id()
    values = {"text": text, "written_by": by.id, "written_at": at}
    session.execute(insert(CourseNote).values(public_id=public_id, course_id=course.id, **values))
    _record(session, "course_note.write", course, by=by, at=at, detail=public_id)
    return public_id


def mark_session_in_error(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> str:
    """It stays, marked, and counts no more. Returns the course's public id."""
    return _mark(session, Attendance, "attendance.in_error", public_id, by=by, at=at)


def mark_note_in_error(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> str:
    """It stays, marked. Returns the course's public id."""
    return _mark(session, CourseNote, "course_note.in_error", public_id, by=by, at=at)


def _mark(
    session: Session,
    table: type[Attendance] | type[CourseNote],
    action: str,
    public_id: str,
    *,
    by: StaffMember,
    at: datetime,
) -> str:
    require(by, Action.MANAGE_COURSES)
    row = session.execute(
        select(table.id, Course)
        .join(Course, Course.id == table.course_id)
        .where(Course.clinic_id == by.clinic.id, table.public_id == finding.checked(public_id))
    ).one_or_none()
    if row is None:
        raise NotFound("no such row")
    row_id, course = row
    if marking.in_error(session, table, row_id, at=at):
        _record(session, action, course, by=by, at=at, detail=public_id)
    return course.public_id


def _held(session: Session, course_public_id: str, on: date, *, by: StaffMember, at: datetime) -> Course:
    """The course, held until the commit, for something that happened on a day that has come."""
    require(by, Action.MANAGE_COURSES)
    course, _patient = finding.course(session, course_public_id, by=by, lock=True)
    if on > finding.local_day(at, by.clinic):
        raise DayInFuture("on")
    return course


def _record(session: Session, action: str, course: Course, *, by: StaffMember, at: datetime, detail: str) -> None:
    subject = f"course:{course.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=course.patient_id, subject=subject, detail=detail)
