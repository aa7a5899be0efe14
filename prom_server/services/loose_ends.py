"""What was begun and is waiting for somebody: links without an answer, courses to finish, locked links."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, or_, select, union_all
from sqlalchemy.orm import Session

from prom_server.core.courses import BEFORE_START, QUIET_DAYS
from prom_server.core.permissions import ClinicFacts, StaffMember
from prom_server.core.schedule import Protocol
from prom_server.core.worklist import CourseToFinish, LockedPatient
from prom_server.services import catalogue, finding, followups, waiting
from prom_server.store.assessments import Assessment
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
    """Courses with no infusion for three days, or with all that were planned; those that began first.

    Read from the front of the unfinished ones of each protocol: what is passed over on the way is still going on.
    """
    protocols = [each for each in catalogue.library().protocol_revisions() if each.planned_infusions]
    if not protocols:
        return ()
    first = [_asking(each, by=by, at=at).order_by(Course.starts_on).limit(LISTED).subquery() for each in protocols]
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
    quiet_since = _midnight(finding.local_day(at, by.clinic) - timedelta(days=QUIET_DAYS - 1), by.clinic)
    enough: ColumnElement[bool] = protocol.planned_infusions <= NUMBER
    return select(Course.id, Course.starts_on).where(
        Course.clinic_id == by.clinic.id,
        Course.protocol_id == protocol.id,
        Course.protocol_revision == protocol.revision,
        Course.finished_at.is_(None),
        Course.starts_on <= finding.local_day(at, by.clinic) + BEFORE_START,
        or_(enough, quiet_since > LATEST),
    )


def _midnight(day: date, clinic: ClinicFacts) -> datetime:
    return datetime.combine(day, time(0), ZoneInfo(clinic.time_zone)).astimezone(UTC)


def _course(
    course: Course, patient: Patient, given: int, latest: datetime, *, by: StaffMember, at: datetime
) -> CourseToFinish:
    last_on = finding.local_day(latest, by.clinic)
    return CourseToFinish(
        course.public_id,
        finding.ref(patient),
        course.number,
        given,
        followups.protocol_of(course).planned_infusions,
        last_on,
        (finding.local_day(at, by.clinic) - last_on).days,
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
