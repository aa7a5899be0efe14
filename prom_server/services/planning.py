"""Turns a plan into assessment rows: creates the missing, moves what has not happened, cancels what is not planned."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.permissions import StaffMember
from prom_server.core.schedule import Given, Window, plan
from prom_server.services import audit, catalogue, finding
from prom_server.store.assessments import Assessment
from prom_server.store.base import opaque_id
from prom_server.store.courses import Course, Infusion


def given(session: Session, course: Course, *, by: StaffMember) -> tuple[Given, ...]:
    """The infusions of a course that count, in order."""
    rows = session.scalars(
        select(Infusion.given_at)
        .where(Infusion.course_id == course.id, Infusion.in_error_at.is_(None))
        .order_by(Infusion.given_at)
    )
    return tuple(Given(given_at, finding.local_day(given_at, by.clinic)) for given_at in rows)


def replan(session: Session, course: Course, *, by: StaffMember, at: datetime) -> None:
    """After every fact that changes the plan. The caller holds the course's row.

    What was begun or completed keeps its days, so that nobody loses a window while answering; only a baseline still
    closes when the first infusion starts, also one whose answers turn out to be entered in error later.
    """
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    finished = course.finished_at is not None
    windows = {
        each.time_point: each
        for each in plan(protocol, course.starts_on, given(session, course, by=by), finished=finished)
    }
    mine = select(Assessment).where(Assessment.course_id == course.id)
    rows = session.scalars(mine.with_for_update(key_share=True)).all()
    lines = [_apply(session, row, windows.get(row.time_point), at=at) for row in rows]
    known = {row.time_point for row in rows}
    lines += [_create(session, course, each) for each in windows.values() if each.time_point not in known]
    if changed := [line for line in lines if line]:
        subject = f"course:{course.public_id}"
        detail = "\n".join(changed)
        audit.record(session, "course.plan", by=by, at=at, patient_id=course.patient_id, subject=subject, detail=detail)


def _create(session: Session, course: Course, window: Window) -> str:
    session.execute(
        insert(Assessment).values(
            public_id=opaque_id(),
            clinic_id=course.clinic_id,
            patient_id=course.patient_id,
            course_id=course.id,
            time_point=window.time_point,
            **_days(window),
        )
    )
    return f"{window.time_point}: due {window.due_on}"


def _apply(session: Session, row: Assessment, window: Window | None, *, at: datetime) -> str | None:
    """What changes in one assessment that exists, for the audit."""
    if row.completed_at is not None or row.started_at is not None:
        return _close(session, row, window.closed_at) if window else None
    if window is None:
        return _cancel(session, row, at=at)
    if row.cancelled_at is None and finding.window(row) == window:
        return None
    before = "cancelled" if row.cancelled_at else str(row.due_on)
    session.execute(update(Assessment).where(Assessment.id == row.id).values(cancelled_at=None, **_days(window)))
    return f"{window.time_point}: due {before} -> {window.due_on}"


def _close(session: Session, row: Assessment, closed_at: datetime | None) -> str | None:
    if row.closed_at == closed_at:
        return None
    session.execute(update(Assessment).where(Assessment.id == row.id).values(closed_at=closed_at))
    return f"{row.time_point}: closes at {closed_at}"


def _cancel(session: Session, row: Assessment, *, at: datetime) -> str | None:
    if row.cancelled_at is not None:
        return None
    session.execute(update(Assessment).where(Assessment.id == row.id).values(cancelled_at=at))
    return f"{row.time_point}: cancelled"


def _days(window: Window) -> dict[str, object]:
    return {
        "opens_on": window.opens_on,
        "due_on": window.due_on,
        "overdue_on": window.overdue_on,
        "closes_on": window.closes_on,
        "closed_at": window.closed_at,
    }
