"""Turns a plan into rows: creates the missing, moves what has not happened, cancels what is not planned.

Assessments, infusion days, the day of the next reminder and what waits in the outbox move together, in the caller's
transaction.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from prom_server.core import infusion_days as days
from prom_server.core.courses import CANCELLED
from prom_server.core.permissions import ClinicFacts, StaffMember
from prom_server.core.replanning import Change, CourseFacts, Replan, What, replanned
from prom_server.core.schedule import Given, Window
from prom_server.services import audit, catalogue, finding, infusion_days, outbox, planned
from prom_server.store.assessments import Assessment
from prom_server.store.base import opaque_id
from prom_server.store.courses import Course, Infusion
from prom_server.store.outbox import Reminder
from prom_server.store.patients import Patient


def given(session: Session, course: Course, *, by: StaffMember) -> tuple[Given, ...]:
    """The infusions of a course that count, in order."""
    return tuple(Given(row.given_at, finding.given_on(row, by.clinic)) for row in _given(session, course))


def _given(session: Session, course: Course) -> Sequence[Infusion]:
    mine = select(Infusion).where(Infusion.course_id == course.id, Infusion.in_error_at.is_(None))
    return session.scalars(mine.order_by(Infusion.given_at)).all()


def facts(session: Session, course: Course, *, by: StaffMember) -> CourseFacts:
    """As they stand. What would be planned with other facts is asked of `look`."""
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    patient = session.get_one(Patient, course.patient_id)
    known, _ = infusion_days.rows(session, course)
    return CourseFacts(
        protocol=protocol,
        starts_on=course.starts_on,
        given=given(session, course, by=by),
        days=known or days.laid_out(protocol.infusion_offsets, course.starts_on),
        finished_on=finding.local_day(course.finished_at, by.clinic) if course.finished_at else None,
        cancelled=course.finish_reason == CANCELLED,
        stopped_on=_stopped_on(patient, by.clinic),
    )


def _stopped_on(patient: Patient, clinic: ClinicFacts) -> date | None:
    if patient.merged_into_id is not None:
        return date.min
    withdrawn_on = finding.local_day(patient.withdrawn_at, clinic) if patient.withdrawn_at else None
    return min((day for day in (withdrawn_on, patient.deceased_on) if day is not None), default=None)


def look(
    session: Session, course: Course, as_if: CourseFacts, *, by: StaffMember, at: datetime, lock: bool = False
) -> Replan:
    """What these facts would change. Nothing changes; `lock` holds what is going to."""
    rows = planned.of_course(session, course, lock=lock)
    _, where = infusion_days.rows(session, course)
    shared = planned.shared_messages(session, rows)
    return replanned(as_if, rows, where, shared, at=at, today=finding.local_day(at, by.clinic))


def replan(session: Session, course: Course, *, by: StaffMember, at: datetime) -> Replan:
    """After every fact that changes the plan. The caller holds the course's row."""
    return apply(session, course, facts(session, course, by=by), by=by, at=at)


def replan_patient(session: Session, patient: Patient, *, by: StaffMember, at: datetime) -> tuple[Replan, ...]:
    """All courses, after a fact about the patient: withdrawn, died, merged, or one of these taken back."""
    mine = select(Course).where(Course.patient_id == patient.id).order_by(Course.number)
    courses = session.scalars(mine.with_for_update(key_share=True)).all()
    return tuple(replan(session, course, by=by, at=at) for course in courses)


def apply(session: Session, course: Course, wanted: CourseFacts, *, by: StaffMember, at: datetime) -> Replan:
    """Does what `look` says of the same facts. The caller holds the course's row, and has written the facts down."""
    change = look(session, course, wanted, by=by, at=at, lock=True)
    infusions = [row.id for row in _given(session, course)]
    lines = infusion_days.apply(session, course, change.days, infusions, at=at)
    for each in change.changed:
        _write(session, course, each, at=at)
    outbox.cancel(session, list(change.messages), "moved", at=at)
    lines += [_line(each) for each in change.changed if each.what is not What.KEPT]
    lines += [f"messages not sent: {len(change.messages)}"] if change.messages else []
    if lines:
        subject = f"course:{course.public_id}"
        detail = "\n".join(lines)
        audit.record(session, "course.plan", by=by, at=at, patient_id=course.patient_id, subject=subject, detail=detail)
    return change


def _write(session: Session, course: Course, change: Change, *, at: datetime) -> None:
    if change.assessment_id is None and change.after is not None:
        _create(session, course, change, change.after)
        return
    values: dict[str, object] = {"remind_on": change.remind_after}
    if change.after is None:
        values |= {"cancelled_at": at} if change.what is What.CANCELLED else {}
    elif change.what is not What.KEPT:
        values |= {"cancelled_at": None, **_days(change.after)}
        values |= {"own_days": True} if change.what is What.LONGER else {}
    session.execute(update(Assessment).where(Assessment.id == change.assessment_id).values(**values))
    if change.freed:
        these = or_(*(and_(Reminder.kind == kind, Reminder.nth == nth) for kind, nth in change.freed))
        session.execute(delete(Reminder).where(Reminder.assessment_id == change.assessment_id, these))


def _create(session: Session, course: Course, change: Change, window: Window) -> None:
    session.execute(
        insert(Assessment).values(
            public_id=opaque_id(),
            clinic_id=course.clinic_id,
            patient_id=course.patient_id,
            course_id=course.id,
            time_point=window.time_point,
            remind_on=change.remind_after,
            **_days(window),
        )
    )


def _line(change: Change) -> str:
    """For the audit."""
    if change.after is None:
        return f"{change.time_point}: cancelled"
    if change.what is What.CLOSED:
        return f"{change.time_point}: closes at {change.after.closed_at}"
    if change.what is What.LONGER:
        return f"{change.time_point}: open until {change.after.closes_on}"
    if change.assessment_id is None:
        return f"{change.time_point}: due {change.after.due_on}"
    before = change.before.due_on if change.before else "cancelled"
    return f"{change.time_point}: due {before} -> {change.after.due_on}"


def _days(window: Window) -> dict[str, object]:
    return {
        "opens_on": window.opens_on,
        "due_on": window.due_on,
        "overdue_on": window.overdue_on,
        "closes_on": window.closes_on,
        "closed_at": window.closed_at,
    }
