"""What waits for answers today, the most urgent first: what closes next heads the list.

Lists are read from partial indexes over what is neither completed nor cancelled, one page at a time, so their cost
follows what is open and not the size of the tables.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select, tuple_
from sqlalchemy.orm import Session

from prom_server.core.courses import BEFORE_START, CLOSING_SOON, QUIET_DAYS
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.schedule import LONGEST_WINDOW, Protocol
from prom_server.core.worklist import (
    COUNTED_AT_MOST,
    Counts,
    CourseToFinish,
    FollowUp,
    FollowUps,
    LockedPatient,
    NextStep,
    Show,
    Today,
)
from prom_server.services import alerting, audit, catalogue, finding, progress, reopening
from prom_server.services.course_views import assessment_view
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course, Infusion
from prom_server.store.invitations import Invitation
from prom_server.store.patients import Patient

PER_PAGE = 25
ON_TODAY = 8
BEGUN_WITHIN = timedelta(hours=24)


def today(session: Session, *, by: StaffMember, at: datetime) -> Today:
    """The desk's first page. Flags what was begun a day ago and never reached an item with an alert rule."""
    require(by, Action.SEE_FOLLOWUPS)
    alerting.flag_unreached(session, by.clinic.id, at=at)
    audit.record(session, "today.view", by=by, at=at)
    waiting = session.execute(_ordered(_waiting(by, at)).limit(ON_TODAY + 1)).all()
    counts = _counts(session, by=by, at=at)
    lines = _lines(session, waiting[:ON_TODAY], by=by, at=at)
    more = lines[-1].assessment_id if len(waiting) > ON_TODAY else None
    return Today(
        follow_ups=FollowUps(lines, more, counts),
        answering=_answering(session, by=by, at=at),
        to_finish=_to_finish(session, by=by, at=at),
        locked=_locked(session, by=by),
        short=reopening.short_today(session, by=by, at=at),
    )


def follow_ups(
    session: Session, *, show: Show = Show.ALL, after: str | None = None, by: StaffMember, at: datetime
) -> FollowUps:
    """One page of what is open; `after` is the assessment that ended the page before."""
    require(by, Action.SEE_FOLLOWUPS)
    statement = _ordered(_waiting(by, at)).where(*_shown(show, finding.local_day(at, by.clinic)))
    if after is not None:
        last, _course, _patient = finding.assessment(session, after, by=by)
        statement = statement.where(tuple_(Assessment.closes_on, Assessment.id) > (last.closes_on, last.id))
    rows = session.execute(statement.limit(PER_PAGE + 1)).all()
    audit.record(session, "follow_ups.view", by=by, at=at)
    lines = _lines(session, rows[:PER_PAGE], by=by, at=at)
    return FollowUps(lines, lines[-1].assessment_id if len(rows) > PER_PAGE else None, _counts(session, by=by, at=at))


def _shown(show: Show, day: date) -> list[ColumnElement[bool]]:
    if show is Show.OVERDUE:
        return [Assessment.overdue_on <= day]
    return [Assessment.closes_on <= day + timedelta(days=CLOSING_SOON)] if show is Show.CLOSING else []


def _open(by: StaffMember, at: datetime) -> list[ColumnElement[bool]]:
    day = finding.local_day(at, by.clinic)
    return [
        Assessment.clinic_id == by.clinic.id,
        Assessment.completed_at.is_(None),
        Assessment.cancelled_at.is_(None),
        Assessment.closes_on >= day,
        Assessment.opens_on.between(day - LONGEST_WINDOW, day),  # a short range of an index, however many there are
        or_(Assessment.closed_at.is_(None), Assessment.closed_at > at),
    ]


def _waiting(by: StaffMember, at: datetime) -> Select[Assessment, Course, Patient, datetime]:
    link = (
        select(func.max(Invitation.created_at))
        .where(Invitation.assessment_id == Assessment.id, Invitation.superseded_at.is_(None))
        .scalar_subquery()
    )
    return (
        select(Assessment, Course, Patient, link.label("link_made_at"))
        .join(Course, Course.id == Assessment.course_id)
        .join(Patient, Patient.id == Assessment.patient_id)
        .where(*_open(by, at))
    )


def _ordered(statement: Select[Assessment, Course, Patient, datetime]) -> Select[Assessment, Course, Patient, datetime]:
    return statement.order_by(Assessment.closes_on, Assessment.id)


def _counts(session: Session, *, by: StaffMember, at: datetime) -> Counts:
    day = finding.local_day(at, by.clinic)
    capped = (
        select(Assessment.overdue_on, Assessment.due_on, Assessment.closes_on)
        .where(*_open(by, at))
        .order_by(Assessment.closes_on, Assessment.id)
        .limit(COUNTED_AT_MOST + 1)
        .subquery()
    )
    columns = capped.c
    overdue, due = columns.overdue_on <= day, columns.due_on <= day
    row = session.execute(
        select(
            func.count().label("open"),
            func.coalesce(func.sum(case((overdue, 1), else_=0)), 0).label("overdue"),
            func.coalesce(func.sum(case((due & ~overdue, 1), else_=0)), 0).label("due"),
            func.coalesce(
                func.sum(case((columns.closes_on <= day + timedelta(days=CLOSING_SOON), 1), else_=0)), 0
            ).label("closing"),
        ).select_from(capped)
    ).one()
    return Counts(row.overdue, row.due, row.closing, row.open > COUNTED_AT_MOST)


def _answering(session: Session, *, by: StaffMember, at: datetime) -> tuple[FollowUp, ...]:
    statement = _waiting(by, at).where(Assessment.started_at > at - BEGUN_WITHIN)
    rows = session.execute(statement.order_by(Assessment.started_at.desc()).limit(ON_TODAY)).all()
    return _lines(session, rows, by=by, at=at)


def _lines(
    session: Session, rows: Sequence[Row[Assessment, Course, Patient, datetime]], *, by: StaffMember, at: datetime
) -> tuple[FollowUp, ...]:
    done = progress.of_assessments(session, [row[0].id for row in rows])
    return tuple(_line(row, done.get(row[0].id, progress.NONE), by=by, at=at) for row in rows)


def _line(
    row: Row[Assessment, Course, Patient, datetime], done: progress.Progress, *, by: StaffMember, at: datetime
) -> FollowUp:
    assessment, course, patient, _ = row
    link_made_at: datetime | None = row.link_made_at
    view = assessment_view(assessment, _protocol(course), done, by=by, at=at)
    day = finding.local_day(at, by.clinic)
    days_left = (assessment.closes_on - day).days
    days_overdue = (day - assessment.overdue_on).days
    return FollowUp(
        assessment_id=assessment.public_id,
        course_id=course.public_id,
        course_number=course.number,
        patient=finding.ref(patient),
        phone=patient.phone,
        name=view.name,
        status=view.status,
        window=view.window,
        answered=view.answered,
        items=view.items,
        declined=view.declined,
        link_made_at=link_made_at,
        days_left=days_left,
        days_overdue=days_overdue,
        closing_soon=days_left <= CLOSING_SOON,
        next_step=_next_step(patient, link_made_at, urgent=days_overdue >= 0 or days_left <= CLOSING_SOON),
    )


def _protocol(course: Course) -> Protocol:
    return catalogue.protocol(course.protocol_id, course.protocol_revision)


def _next_step(patient: Patient, link_made_at: datetime | None, *, urgent: bool) -> NextStep:
    if patient.locked_at is not None:
        return NextStep.UNLOCK
    if link_made_at is None:
        return NextStep.MAKE_LINK
    if urgent:
        return NextStep.CALL if patient.phone else NextStep.ADD_PHONE
    return NextStep.NEW_LINK


def _to_finish(session: Session, *, by: StaffMember, at: datetime) -> tuple[CourseToFinish, ...]:
    """Courses with no infusion for three days, or with all that were planned.

    No infusion comes long before its course's start, so the bound on it excludes none and leads to the partial index.
    """
    day = finding.local_day(at, by.clinic)
    given = (Infusion.course_id == Course.id, Infusion.in_error_at.is_(None))
    number = select(func.count(Infusion.id)).where(*given).scalar_subquery()
    latest = select(func.max(Infusion.given_at)).where(*given).scalar_subquery()
    rows = session.execute(
        select(Course, Patient, number.label("given"), latest.label("latest"))
        .join(Patient, Patient.id == Course.patient_id)
        .where(
            Course.clinic_id == by.clinic.id,
            Course.finished_at.is_(None),
            Course.starts_on <= day + BEFORE_START,
            select(Infusion.id).where(*given).exists(),
        )
        .order_by(latest)
        .limit(PER_PAGE)
    )
    found = []
    for course, patient, times, last_at in rows:
        last_on, planned = finding.local_day(last_at, by.clinic), _protocol(course).planned_infusions
        days = (day - last_on).days
        if times >= planned or days >= QUIET_DAYS:
            ref = finding.ref(patient)
            found.append(CourseToFinish(course.public_id, ref, course.number, times, planned, last_on, days))
    return tuple(found[:ON_TODAY])


def _locked(session: Session, *, by: StaffMember) -> tuple[LockedPatient, ...]:
    rows = session.scalars(
        select(Patient)
        .where(Patient.clinic_id == by.clinic.id, Patient.locked_at.is_not(None))
        .order_by(Patient.locked_at.desc())
        .limit(ON_TODAY)
    )
    return tuple(LockedPatient(finding.ref(row), row.locked_at) for row in rows if row.locked_at)
