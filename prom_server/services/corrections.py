"""Administrations "entered in error": they leave the trends, and stay in the audit with their alerts."""

from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, aliased

from prom_server.core.corrections import AdministrationLine, Administrations, AlreadyMarked, ReasonNeeded
from prom_server.core.instrument import Instrument
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import audit, catalogue, finding, pinning, progress, satisfying
from prom_server.services.progress import Counted
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.courses import Course
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


def administrations(session: Session, patient_public_id: str, *, by: StaffMember, at: datetime) -> Administrations:
    """Every administration of one patient, the latest first, those in error included."""
    require(by, Action.SEE_TREND)
    patient = finding.patient(session, patient_public_id, by=by)
    audit.record(session, "administrations.view", by=by, at=at, patient_id=patient.id)
    return Administrations(finding.ref(patient), _lines(session, Assessment.patient_id == patient.id, by=by))


def administration(
    session: Session, public_id: str, *, by: StaffMember, at: datetime
) -> tuple[Administrations, AdministrationLine]:
    """One of them, before it is marked."""
    require(by, Action.MARK_IN_ERROR)
    _row, patient, line = viewed(session, public_id, by=by, at=at)
    return Administrations(finding.ref(patient), (line,)), line


def viewed(
    session: Session, public_id: str, *, by: StaffMember, at: datetime
) -> tuple[Administration, Patient, AdministrationLine]:
    """One administration with its line; that it was looked at is in the audit."""
    row, patient = _find(session, public_id, by=by)
    subject = f"administration:{public_id}"
    audit.record(session, "administration.view", by=by, at=at, patient_id=patient.id, subject=subject)
    return row, patient, _lines(session, Administration.id == row.id, by=by)[0]


def _lines(session: Session, these: ColumnElement[bool], *, by: StaffMember) -> tuple[AdministrationLine, ...]:
    entering = aliased(Staff)
    rows = session.execute(
        select(Administration, Assessment.time_point, Course, Staff.name, entering.name.label("entered_by"))
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .join(Course, Course.id == Assessment.course_id)
        .outerjoin(Staff, Staff.id == Administration.in_error_by)
        .outerjoin(entering, entering.id == Administration.entered_by)
        .where(Assessment.clinic_id == by.clinic.id, these)
        .order_by(Administration.started_at.desc(), Administration.position.desc(), Administration.id)
    ).all()
    ids = [row[0].id for row in rows]
    counted, alerts = progress.of_administrations(session, ids), _open_alerts(session, ids)
    return tuple(
        _line(pinning.begun_with(session, row[0]), *row, counted[row[0].id], alerts.get(row[0].id)) for row in rows
    )


def _line(
    instrument: Instrument,
    each: Administration,
    time_point: str,
    course: Course,
    marked_by: str | None,
    entered_by: str | None,
    counted: Counted,
    alert_id: str | None,
) -> AdministrationLine:
    point = catalogue.protocol(course.protocol_id, course.protocol_revision).time_point(time_point)
    return AdministrationLine(
        public_id=each.public_id,
        instrument=instrument.short,
        revision=each.instrument_revision,
        assessment=point.name,
        course_id=course.public_id,
        course_number=course.number,
        started_at=each.started_at,
        submitted_at=each.submitted_at,
        sent_before_at=each.sent_before_at,
        answered=counted.answered,
        items=counted.items,
        mode=each.mode,
        language=each.language,
        device_class=each.device_class,
        respondent=each.respondent,
        relation=each.relation,
        assisted_by=each.assisted_by,
        entered_by=entered_by,
        written_on=each.written_on,
        declined_at=each.declined_at,
        in_error_at=each.in_error_at,
        in_error_by=marked_by,
        in_error_reason=each.in_error_reason,
        open_alert_id=alert_id,
    )


def _open_alerts(session: Session, ids: list[int]) -> dict[int, str]:
    rows = session.execute(
        select(Alert.administration_id, Alert.public_id).where(
            Alert.administration_id.in_(ids), Alert.resolved_at.is_(None)
        )
    )
    return {row.administration_id: row.public_id for row in rows}


def mark_in_error(
    session: Session, administration_public_id: str, reason: str, *, by: StaffMember, at: datetime
) -> str:
    """Returns the patient's public id. Its assessment can be answered again while the window is open.

    It stands for no other assessment any more either. Claims the patient's assessments first, then the administration,
    as submitting does. Raises AlreadyMarked, ReasonNeeded.
    """
    require(by, Action.MARK_IN_ERROR)
    administration, patient = _find(session, administration_public_id, by=by)
    if not reason.strip():
        raise ReasonNeeded("reason")
    satisfying.hold(session, patient.id)
    session.execute(update(Assessment).where(Assessment.id == administration.assessment_id).values(completed_at=None))
    marked = session.scalar(
        update(Administration)
        .where(Administration.id == administration.id, Administration.in_error_at.is_(None))
        .values(in_error_at=at, in_error_by=by.id, in_error_reason=reason.strip())
        .returning(Administration.id)
    )
    if marked is None:
        raise AlreadyMarked("in error")
    satisfying.unstart(session, [administration.assessment_id])
    satisfying.no_longer(session, administration.id, by=by, at=at)
    audit.record(
        session,
        "administration.in_error",
        by=by,
        at=at,
        patient_id=patient.id,
        subject=f"administration:{administration_public_id}",
        detail=reason.strip(),
    )
    return patient.public_id


def _find(session: Session, public_id: str, *, by: StaffMember) -> tuple[Administration, Patient]:
    row = session.execute(
        select(Administration, Patient)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .join(Patient, Patient.id == Assessment.patient_id)
        .where(Administration.clinic_id == by.clinic.id, Administration.public_id == finding.checked(public_id))
    ).one_or_none()
    if row is None:
        raise NotFound("no such administration")
    return row
