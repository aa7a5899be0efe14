"""What was begun and is waiting for somebody: links without an answer, courses to finish, locked links."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import CTE, ColumnElement, and_, func, or_, select, union_all
from sqlalchemy.orm import Session

from prom_server.core import courses
from prom_server.core.permissions import ClinicFacts, StaffMember
from prom_server.core.schedule import Protocol
from prom_server.core.worklist import CourseToFinish, LockedPatient
from prom_server.services import catalogue, finding, waiting
from prom_server.store.assessments import Assessment
from prom_server.store.base import table_of
from prom_server.store.courses import Course, Infusion
from prom_server.store.invitations import Invitation
from prom_server.store.patients import Patient

LISTED = 8
UNANSWERED_AFTER = timedelta(days=3)
LINK_LIVES = timedelta(days=60)  # what has an older link and is still open is among the follow-ups
LOOKED_THROUGH = 300  # links, the latest: of most, something was answered

GIVEN = (Infusion.course_id == Course.id, Infusion.in_error_at.is_(None))
NUMBER = select(func.count(Infusion.id)).where(*GIVEN).scalar_subquery()
LATEST = select(func.max(Infusion.given_at)).where(*GIVEN).scalar_subquery()


def unanswered(session: Session, *, by: StaffMember, at: datetime) -> Sequence[waiting.Line]:
    """Links that are out for some days, to what nobody began and is not overdue yet: the latest first.

    Rows of `waiting.lines`. What is overdue is on the call list.
    """
    out = select(Invitation.assessment_id, Invitation.created_at).where(
        Invitation.clinic_id == by.clinic.id,
        Invitation.superseded_at.is_(None),
        Invitation.created_at.between(at - LINK_LIVES, at - UNANSWERED_AFTER),
    )
    latest = out.order_by(Invitation.created_at.desc()).limit(LOOKED_THROUGH).subquery()
    not_begun = (Assessment.started_at.is_(None), Assessment.declined_at.is_(None))
    still = (*not_begun, Assessment.overdue_on > finding.local_day(at, by.clinic))
    statement = waiting.lines().join(latest, latest.c.assessment_id == Assessment.id)
    rows = statement.where(*waiting.accepting(by, at), *still).order_by(latest.c.created_at.desc()).limit(LISTED)
    return list({row[0].id: row for row in session.execute(rows)}.values())


def to_finish(session: Session, *, by: StaffMember, at: datetime) -> tuple[CourseToFinish, ...]:
    """Courses in which all was given, or nothing happens any more (`core.courses.quiet`); those that began first.

    Read from the front of the unfinished ones of each protocol: what is passed over on the way is still going on.
    """
    protocols = catalogue.library().protocol_revisions()
    asking = [*(_asking(each, by=by, at=at) for each in protocols), *_of_missing(protocols, by=by, at=at)]
    first = [each.order_by(Course.starts_on).limit(LISTED).subquery() for each in asking]
    chosen = union_all(*(select(each.c.id, each.c.starts_on) for each in first)).subquery()
    rows = session.execute(
        select(Course, Patient, NUMBER.label("given"), LATEST.label("latest"))
        .join(chosen, chosen.c.id == Course.id)
        .join(Patient, Patient.id == Course.patient_id)
        .order_by(chosen.c.starts_on, Course.id)
        .limit(LISTED)
    )
    return tuple(_course(*row, by=by, at=at) for row in rows)


def _asking(protocol: Protocol, *, by: StaffMember, at: datetime) -> waiting.Lines:
    today, quiet = finding.local_day(at, by.clinic), courses.quiet(protocol)
    mine = _unfinished(by).where(Course.protocol_id == protocol.id, Course.protocol_revision == protocol.revision)
    if not protocol.planned_infusions:
        return mine.where(Course.starts_on <= today - timedelta(days=quiet.after_start))
    enough: ColumnElement[bool] = protocol.planned_infusions <= NUMBER
    return mine.where(Course.starts_on <= today + courses.BEFORE_START, or_(enough, _went_quiet(quiet, by=by, at=at)))


def _unfinished(by: StaffMember) -> waiting.Lines:
    return select(Course.id, Course.starts_on).where(Course.clinic_id == by.clinic.id, Course.finished_at.is_(None))


def _went_quiet(quiet: courses.Quiet, *, by: StaffMember, at: datetime) -> ColumnElement[bool]:
    today = finding.local_day(at, by.clinic)
    none_came = Course.starts_on <= today - timedelta(days=quiet.after_start)
    quiet_since = _midnight(today - timedelta(days=quiet.after_infusion - 1), by.clinic)
    return or_(quiet_since > LATEST, and_(none_came, LATEST.is_(None)))


def _of_missing(protocols: Sequence[Protocol], *, by: StaffMember, at: datetime) -> Iterator[waiting.Lines]:
    """Courses of which the protocol's file is gone, or that of its revision: each found by a step along the index."""
    known: dict[str, set[int]] = defaultdict(set)
    for each in protocols:
        known[each.id].add(each.revision)
    mine = _unfinished(by).where(_went_quiet(courses.Quiet(courses.QUIET_DAYS, courses.QUIET_DAYS), by=by, at=at))
    ids = _protocol_ids(by)
    others = mine.where(Course.protocol_id.in_(select(ids.c.id).where(ids.c.id.not_in(known))))
    # In order of an expression, lest SQLite read all unfinished courses in the order of their first days.
    yield others.order_by(func.coalesce(Course.starts_on, Course.starts_on))
    for protocol_id, revisions in known.items():
        of_it = mine.where(Course.protocol_id == protocol_id)
        yield of_it.where(Course.protocol_revision > max(revisions))
        for gap in set(range(1, max(revisions))) - revisions:
            yield of_it.where(Course.protocol_revision == gap)


def _protocol_ids(by: StaffMember) -> CTE:
    """Those of unfinished courses."""
    course = table_of(Course).c
    mine = (course.clinic_id == by.clinic.id, course.finished_at.is_(None))
    first = select(course.protocol_id).where(*mine).order_by(course.protocol_id).limit(1)
    known = select(first.scalar_subquery().label("id")).cte("protocol_ids", recursive=True)
    following = first.where(course.protocol_id > known.c.id).correlate(known).scalar_subquery()
    return known.union_all(select(following).where(known.c.id.is_not(None)))


def _midnight(day: date, clinic: ClinicFacts) -> datetime:
    return datetime.combine(day, time(0), ZoneInfo(clinic.time_zone)).astimezone(UTC)


def _course(
    course: Course, patient: Patient, given: int, latest: datetime | None, *, by: StaffMember, at: datetime
) -> CourseToFinish:
    protocol = catalogue.protocol_of(course)
    last_on = finding.local_day(latest, by.clinic) if latest else None
    return CourseToFinish(
        course.public_id,
        finding.ref(patient),
        course.number,
        given,
        None if protocol.missing else protocol.planned_infusions,
        last_on,
        (finding.local_day(at, by.clinic) - last_on).days if last_on else None,
    )


def locked(session: Session, *, by: StaffMember) -> tuple[LockedPatient, ...]:
    """The latest first."""
    rows = session.scalars(
        select(Patient)
        .where(Patient.clinic_id == by.clinic.id, Patient.locked_at.is_not(None))
        .order_by(Patient.locked_at.desc())
        .limit(LISTED)
    )
    return tuple(LockedPatient(finding.ref(row), row.locked_at) for row in rows if row.locked_at)
