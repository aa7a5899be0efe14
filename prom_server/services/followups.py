"""The follow-ups that wait for answers, one page at a time: what closes next heads the list."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from prom_server.core.closing_order import Span
from prom_server.core.courses import CLOSING_SOON
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.worklist import Filter, FollowUp, FollowUps, NextStep, TimePointChoice
from prom_server.services import audit, catalogue, finding, progress, waiting
from prom_server.services.course_views import assessment_view
from prom_server.store.patients import Patient

PER_PAGE = 25
EVERYTHING = Filter()


def follow_ups(
    session: Session, wanted: Filter = EVERYTHING, *, after: str | None = None, by: StaffMember, at: datetime
) -> FollowUps:
    """One page of what waits; `after` is the assessment that ended the page before. NotFound: no such time point."""
    require(by, Action.SEE_FOLLOWUPS)
    points = waiting.time_points(session, by=by)
    if wanted.time_point is not None and wanted.time_point not in names():
        raise NotFound("no such time point")
    last = None
    if after is not None:
        row, _course, _patient = finding.assessment(session, after, by=by)
        last = (row.closes_on, row.id)
    rows = session.execute(waiting.first(wanted, points, after=last, limit=PER_PAGE + 1, by=by, at=at)).all()
    audit.record(session, "follow_ups.view", by=by, at=at)
    page = lines(session, rows[:PER_PAGE], by=by, at=at)
    beyond = page[-1].assessment_id if len(rows) > PER_PAGE else None
    return FollowUps(page, beyond, waiting.counts(session, points, by=by, at=at), choices(points))


def names() -> Mapping[str, str]:
    """What the time points are called, of the protocols here; the newest revision's name."""
    protocols = catalogue.library().protocol_revisions()
    return {point.id: point.name for protocol in protocols for point in protocol.time_points}


def choices(points: Mapping[str, Span]) -> tuple[TimePointChoice, ...]:
    """In the order in which they come in a course."""
    known = names()
    return tuple(TimePointChoice(each, name) for each, name in known.items() if each in points)


def lines(session: Session, rows: Sequence[waiting.Line], *, by: StaffMember, at: datetime) -> tuple[FollowUp, ...]:
    """Rows of `waiting.lines` as the desk sees them."""
    done = progress.of_assessments(session, [row[0].id for row in rows])
    return tuple(line(row, done.get(row[0].id, progress.NONE), by=by, at=at) for row in rows)


def line(row: waiting.Line, done: progress.Progress, *, by: StaffMember, at: datetime) -> FollowUp:
    assessment, course, patient = row[0], row[1], row[2]
    protocol = catalogue.protocol_of(course)
    view = assessment_view(assessment, protocol, done, by=by, at=at)
    day = finding.local_day(at, by.clinic)
    days_left = (assessment.closes_on - day).days
    days_overdue = (day - assessment.overdue_on).days
    closing_soon = days_left <= CLOSING_SOON
    urgent = assessment.declined_at is None and (days_overdue >= 0 or closing_soon)
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
        declined_by_phone=assessment.declined_at is not None,
        link_made_at=row.link_made_at,
        link_opened_at=row.link_opened_at,
        days_left=days_left,
        days_overdue=days_overdue,
        closing_soon=closing_soon,
        next_step=_next_step(patient, row.link_made_at, urgent=urgent),
        protocol_missing=protocol.missing,
    )


def _next_step(patient: Patient, link_made_at: datetime | None, *, urgent: bool) -> NextStep:
    if patient.locked_at is not None:
        return NextStep.UNLOCK
    if link_made_at is None:
        return NextStep.MAKE_LINK
    if urgent:
        return NextStep.CALL if patient.phone else NextStep.ADD_PHONE
    return NextStep.NEW_LINK
