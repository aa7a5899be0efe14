"""The assessments that wait for answers, what closes first at the head: read from the front of an index.

One short reading per time point, merged: see core.closing_order, which says where to look, and decision 26. What staff
reopened, and what was begun and then put off, closes on a day of its own and is read from an index of its own, so that
no row is missed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, exists, func, or_, select, tuple_, union_all
from sqlalchemy.orm import Session

from prom_server.core import closing_order
from prom_server.core.closing_order import Span
from prom_server.core.permissions import StaffMember
from prom_server.core.worklist import COUNTED_AT_MOST, Counts, Courses, Filter, Show
from prom_server.services import catalogue, finding
from prom_server.store.assessments import Assessment
from prom_server.store.base import table_of
from prom_server.store.courses import Course
from prom_server.store.invitations import Invitation
from prom_server.store.patients import Patient

assessment = table_of(Assessment)
columns = assessment.c

Line = Row[*tuple[Any, ...]]  # Assessment, Course, Patient, link_made_at, link_opened_at; some have more
Lines = Select[*tuple[Any, ...]]

WAITS = (columns.completed_at.is_(None), columns.cancelled_at.is_(None))


def time_points(session: Session, *, by: StaffMember) -> Mapping[str, Span]:
    """Those of the clinic that anything waits at, each found by one step along the index."""
    mine = (columns.clinic_id == by.clinic.id, *WAITS)
    first = select(columns.time_point).where(*mine).order_by(columns.time_point).limit(1)
    known = select(first.scalar_subquery().label("id")).cte("known", recursive=True)
    following = first.where(columns.time_point > known.c.id).correlate(known).scalar_subquery()
    known = known.union_all(select(following).where(known.c.id.is_not(None)))
    found = session.scalars(select(known.c.id).where(known.c.id.is_not(None)))
    planned = closing_order.spans(
        point for protocol in catalogue.library().protocol_revisions() for point in protocol.time_points
    )
    return {each: planned.get(each, closing_order.ANY) for each in found}


def lines() -> Lines:
    """Assessments with course, patient, and the private link that is out."""
    out = (Invitation.assessment_id == Assessment.id, Invitation.superseded_at.is_(None))
    made = select(func.max(Invitation.created_at)).where(*out).correlate(Assessment).scalar_subquery()
    opened = select(func.max(Invitation.opened_at)).where(*out).correlate(Assessment).scalar_subquery()
    return (
        select(Assessment, Course, Patient, made.label("link_made_at"), opened.label("link_opened_at"))
        .join(Course, Course.id == Assessment.course_id)
        .join(Patient, Patient.id == Assessment.patient_id)
    )


def open_now(by: StaffMember, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Of the clinic, and answers are accepted."""
    return (columns.clinic_id == by.clinic.id, *accepting(by, at))


def accepting(by: StaffMember, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Answers are accepted.

    For rows that were found by what is the clinic's already: with the clinic SQLite would read all that waits in it.
    """
    day = finding.local_day(at, by.clinic)
    return (
        *WAITS,
        columns.opens_on <= day,
        columns.closes_on >= day,
        or_(columns.closed_at.is_(None), columns.closed_at > at),
    )


def first(
    wanted: Filter,
    points: Mapping[str, Span],
    *,
    after: tuple[date, int] | None = None,
    also: Sequence[ColumnElement[bool]] = (),
    limit: int,
    by: StaffMember,
    at: datetime,
) -> Lines:
    """The `limit` that close first; `after` is the last day and the id of the one that ended the page before.

    Of what fails `also` every row at the front is read, so that must be few.
    """
    beyond = () if after is None else (tuple_(columns.closes_on, columns.id) > after,)
    short = [
        arm.where(*beyond, *also).order_by(columns.closes_on, columns.id).limit(limit).subquery()
        for arm in _arms(wanted, points, by=by, at=at)
    ]
    merged = union_all(*(select(each.c.id, each.c.closes_on) for each in short)).subquery()
    chosen = select(merged.c.id).order_by(merged.c.closes_on, merged.c.id).limit(limit).subquery()
    return lines().join(chosen, chosen.c.id == Assessment.id).order_by(Assessment.closes_on, Assessment.id)


def counts(session: Session, points: Mapping[str, Span], *, by: StaffMember, at: datetime) -> Counts:
    """Up to COUNTED_AT_MOST + 1 of each kind."""
    shows = (Show.OVERDUE, Show.DUE, Show.CLOSING)
    numbers = [_count(_arms(Filter(show), points, by=by, at=at)) for show in shows]
    found = session.execute(select(*numbers)).one()
    return Counts(found[0], found[1], found[2])


def _count(arms: Iterable[Lines]) -> ColumnElement[int]:
    some: Subquery = union_all(*arms).limit(COUNTED_AT_MOST + 1).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _arms(wanted: Filter, points: Mapping[str, Span], *, by: StaffMember, at: datetime) -> list[Lines]:
    """For each time point the stretch of the index that holds what is wanted; and what has days of its own."""
    day = finding.local_day(at, by.clinic)
    wanted_too = (*open_now(by, at), *_kind(wanted, day), *_of_courses(wanted.courses))
    found = select(columns.id, columns.closes_on).where(*wanted_too)
    arms = []
    for point, span in points.items():
        if wanted.time_point in (None, point):
            stretch = columns.closes_on.between(*closing_order.stretch(wanted.show, span, day))
            arms.append(found.where(columns.time_point == point, stretch, ~columns.own_days))
    own_days = found.where(columns.own_days)
    if wanted.time_point is not None:  # an expression, lest the index of the time points be read
        own_days = own_days.where(columns.time_point.concat("") == wanted.time_point)
    return [*arms, own_days]


def _kind(wanted: Filter, day: date) -> tuple[ColumnElement[bool], ...]:
    kinds: dict[Show, tuple[ColumnElement[bool], ...]] = {
        Show.ALL: (),
        Show.OVERDUE: (columns.overdue_on <= day,),
        Show.DUE: (and_(columns.due_on <= day, columns.overdue_on > day),),
        Show.CLOSING: (columns.closes_on <= day + closing_order.SOON,),
    }
    with_declined = wanted.show is Show.ALL and wanted.declined
    return kinds[wanted.show] if with_declined else (*kinds[wanted.show], columns.declined_at.is_(None))


def _of_courses(which: Courses) -> tuple[ColumnElement[bool], ...]:
    if which is Courses.ALL:
        return ()
    number = Course.number == 1 if which is Courses.FIRST else Course.number > 1
    return (exists().where(Course.id == columns.course_id, number),)
