"""A part that was sent with an item or two skipped is asked again, while its assessment still accepts answers.

What was answered stays, and so do the scores of then, superseded; alerts keep their history. The patient goes on as
before it was sent, and sends it again.
"""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from prom_server.core.corrections import AlreadyMarked
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound, Refused
from prom_server.core.scoring import Status
from prom_server.core.worklist import ShortPart
from prom_server.services import answering, audit, catalogue, entry, finding, pinning, progress, visits
from prom_server.store.assessments import Administration, Assessment, RecordedScore
from prom_server.store.courses import Course
from prom_server.store.patients import Patient

MOST_SHORT = 2  # items: with more missing it is no slip
LISTED = 25


class NotShort(Refused):
    """The part was declined, or has nothing to ask again."""


def short_today(session: Session, *, by: StaffMember, at: datetime) -> tuple[ShortPart, ...]:
    """Parts sent today whose scores lack one or two items, and that can still be answered; the latest first."""
    day = finding.local_day(at, by.clinic)
    midnight = datetime.combine(day, time(0), ZoneInfo(by.clinic.time_zone)).astimezone(UTC)
    lacking = select(RecordedScore.id).where(
        RecordedScore.administration_id == Administration.id,
        RecordedScore.superseded_at.is_(None),
        RecordedScore.status.in_([Status.NOT_SCORABLE, Status.PRORATED]),
        RecordedScore.answered < RecordedScore.items,
    )
    rows = session.execute(
        select(Administration, Assessment, Course, Patient)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .join(Course, Course.id == Assessment.course_id)
        .join(Patient, Patient.id == Assessment.patient_id)
        .where(
            Administration.clinic_id == by.clinic.id,
            Administration.submitted_at >= midnight,
            Administration.declined_at.is_(None),
            Administration.in_error_at.is_(None),
            Assessment.cancelled_at.is_(None),
            Assessment.closes_on >= day,
            or_(Assessment.closed_at.is_(None), Assessment.closed_at > at),
            lacking.exists(),
        )
        .order_by(Administration.submitted_at.desc(), Administration.id)
        .limit(LISTED)
    ).all()
    short = _missing(session, [row[0].id for row in rows])
    return tuple(_line(session, *row, short[row[0].id]) for row in rows if 1 <= short[row[0].id] <= MOST_SHORT)


def _missing(session: Session, administration_ids: list[int]) -> dict[int, int]:
    counted = progress.of_administrations(session, administration_ids)
    return {id_: each.items - each.answered for id_, each in counted.items()}


def _line(
    session: Session, row: Administration, assessment: Assessment, course: Course, patient: Patient, short: int
) -> ShortPart:
    point = catalogue.protocol(course.protocol_id, course.protocol_revision).time_point(assessment.time_point)
    return ShortPart(
        administration_id=row.public_id,
        patient=finding.ref(patient),
        name=point.name,
        instrument=pinning.begun_with(session, row).short,
        mode=row.mode,
        short=short,
    )


def ask_again(session: Session, administration_public_id: str, *, by: StaffMember, at: datetime) -> str:
    """Takes the part up again; its assessment's public id. A second press changes nothing.

    Claims the assessment first, then the administration, as submitting does. Raises NotFound, AlreadyMarked, NotShort,
    AssessmentClosed.
    """
    require(by, Action.ENTER_ANSWERS)
    row, assessment, course, patient = _find(session, administration_public_id, by=by)
    if row.submitted_at is None:
        return assessment.public_id
    if row.declined_at is not None or not 1 <= _missing(session, [row.id])[row.id] <= MOST_SHORT:
        raise NotShort(row.instrument_id)
    visit = entry.visit_of(assessment, course, patient, by=by, at=at)
    visits.require_open(visit, unless=entry.in_window(assessment, by=by, at=at))
    answering.claim_assessment(session, visit)
    sequence = session.scalar(
        update(Administration)
        .where(
            Administration.id == row.id,
            Administration.submitted_at == row.submitted_at,
            Administration.in_error_at.is_(None),
        )
        .values(submitted_at=None)
        .returning(Administration.sequence)
    )
    if sequence is not None:
        session.execute(update(Assessment).where(Assessment.id == assessment.id).values(completed_at=None))
        _supersede(session, row.id, sequence, at=at)
        subject = f"administration:{administration_public_id}"
        audit.record(session, "administration.ask_again", by=by, at=at, patient_id=patient.id, subject=subject)
    return assessment.public_id


def _supersede(session: Session, administration_id: int, sequence: int, *, at: datetime) -> None:
    """The scores of then stay, and say which answers they counted."""
    session.execute(
        update(RecordedScore)
        .where(RecordedScore.administration_id == administration_id, RecordedScore.superseded_at.is_(None))
        .values(superseded_at=at, sequence=func.coalesce(RecordedScore.sequence, sequence))
    )


def _find(session: Session, public_id: str, *, by: StaffMember) -> tuple[Administration, Assessment, Course, Patient]:
    row = session.execute(
        select(Administration, Assessment, Course, Patient)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .join(Course, Course.id == Assessment.course_id)
        .join(Patient, Patient.id == Assessment.patient_id)
        .where(
            Administration.clinic_id == by.clinic.id,
            Administration.public_id == finding.checked(public_id),
        )
    ).one_or_none()
    if row is None:
        raise NotFound("no such administration")
    if row[0].in_error_at is not None:
        raise AlreadyMarked("in error")
    return row
