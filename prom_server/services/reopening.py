"""A part that was sent an item short of a score is asked again, while its assessment still accepts answers.

What was answered stays, and so do the scores of then, until it is sent once more: a patient who has left already loses
nothing. Alerts keep their history. The patient goes on as before it was sent, and sends it again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from prom_server.core.entry import Mode
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import Refused
from prom_server.core.responses import scored_answers
from prom_server.core.scoring import Status, one_short
from prom_server.core.worklist import ShortPart
from prom_server.services import audit, battery, catalogue, claims, entry, finding, pinning, visits
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.courses import Course
from prom_server.store.patients import Patient

LISTED = 25
LOOKED_THROUGH = 100  # parts sent today, the latest: who sent an earlier one has left


class NotShort(Refused):
    """The part was declined, or has nothing to ask again."""


def short_today(session: Session, *, by: StaffMember, at: datetime) -> tuple[ShortPart, ...]:
    """Parts sent today of which one more answer makes or completes a score, if they still take it; the latest first."""
    day = finding.local_day(at, by.clinic)
    midnight = datetime.combine(day, time(0), ZoneInfo(by.clinic.time_zone)).astimezone(UTC)
    lacking = select(RecordedScore.id).where(
        RecordedScore.administration_id == Administration.id,
        RecordedScore.superseded_at.is_(None),
        RecordedScore.status.in_([Status.NOT_SCORABLE, Status.PRORATED]),
        RecordedScore.answered < RecordedScore.items,
    )
    latest = (
        select(Response.mode)
        .where(Response.administration_id == Administration.id)
        .order_by(Response.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    found: Select[Administration, Assessment, Course, Patient, str] = finding.administrations(by).add_columns(
        func.coalesce(latest, Administration.mode)
    )
    sent = select(Administration.id).where(
        Administration.clinic_id == by.clinic.id, Administration.submitted_at >= midnight
    )
    latest_sent = sent.order_by(Administration.submitted_at.desc()).limit(LOOKED_THROUGH).subquery()
    rows = session.execute(
        found.join(latest_sent, latest_sent.c.id == Administration.id)
        .where(
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
    short = _short(session, [row[0] for row in rows])
    return tuple(_line(session, *row, short[row[0].id]) for row in rows if row[0].id in short)


def _short(session: Session, rows: Sequence[Administration]) -> dict[int, int]:
    """How many scored items have no answer, where one more is worth asking for."""
    if not rows:
        return {}
    responses = battery.responses(session, [row.id for row in rows])
    found = {}
    for row in rows:
        instrument = pinning.begun_with(session, row)
        answers = scored_answers(instrument, responses[row.id])
        if one_short(instrument, answers):
            found[row.id] = sum(1 for value in answers.values() if value is None)
    return found


def _line(
    session: Session,
    row: Administration,
    assessment: Assessment,
    course: Course,
    patient: Patient,
    mode: str,
    short: int,
) -> ShortPart:
    point = catalogue.protocol_of(course).time_point(assessment.time_point)
    return ShortPart(
        administration_id=row.public_id,
        patient=finding.ref(patient),
        name=point.name,
        instrument=pinning.begun_with(session, row).short,
        mode=mode,
        short=short,
    )


def ask_again(session: Session, administration_public_id: str, *, by: StaffMember, at: datetime) -> str | None:
    """Takes the part up again. A second press changes nothing.

    Returns its assessment's public id where staff go on entering it, None where the patient goes on.

    Claims the assessment first, then the administration, as submitting does. Raises NotFound, AlreadyMarked, NotShort,
    AssessmentClosed.
    """
    require(by, Action.ENTER_ANSWERS)
    row, assessment, course, patient = finding.administration(session, administration_public_id, by=by)
    staff_enter = assessment.public_id if row.mode in list(Mode) else None
    if row.submitted_at is None:
        return staff_enter
    if row.declined_at is not None or not _short(session, [row]):
        raise NotShort(row.instrument_id)
    visit = entry.visit_of(assessment, course, patient, by=by, at=at)
    visits.require_open(visit, unless=entry.in_window(assessment, by=by, at=at))
    claims.assessment(session, visit)
    sequence = session.scalar(
        update(Administration)
        .where(
            Administration.id == row.id,
            Administration.submitted_at == row.submitted_at,
            Administration.in_error_at.is_(None),
        )
        .values(submitted_at=None, sent_before_at=row.submitted_at)
        .returning(Administration.sequence)
    )
    if sequence is not None:
        session.execute(update(Assessment).where(Assessment.id == assessment.id).values(completed_at=None))
        _counted_so_far(session, row.id, sequence)
        subject = f"administration:{administration_public_id}"
        audit.record(session, "administration.ask_again", by=by, at=at, patient_id=patient.id, subject=subject)
    return staff_enter


def _counted_so_far(session: Session, administration_id: int, sequence: int) -> None:
    """An older server's scores did not say which answers they counted: those of now, before another one comes."""
    session.execute(
        update(RecordedScore)
        .where(
            RecordedScore.administration_id == administration_id,
            RecordedScore.sequence.is_(None),
            RecordedScore.superseded_at.is_(None),
        )
        .values(sequence=sequence)
    )
