"""Administrations "entered in error": they leave the trends, and stay in the audit with their alerts."""

from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from prom_server.core.corrections import AdministrationLine, Administrations, AlreadyMarked, ReasonNeeded
from prom_server.core.instrument import Instrument
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import audit, catalogue, finding, pinning, progress
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
    row, patient = _find(session, public_id, by=by)
    subject = f"administration:{public_id}"
    audit.record(session, "administration.view", by=by, at=at, patient_id=patient.id, subject=subject)
    lines = _lines(session, Administration.id == row.id, by=by)
    return Administrations(finding.ref(patient), lines), lines[0]


def _lines(session: Session, these: ColumnElement[bool], *, by: StaffMember) -> tuple[AdministrationLine, ...]:
    rows = session.execute(
        select(Administration, Assessment.time_point, Course, Staff.name)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .join(Course, Course.id == Assessment.course_id)
        .outerjoin(Staff, Staff.id == Administration.in_error_by)
        .where(Assessment.clinic_id == by.clinic.id, these)
        .order_by(Administration.started_at.desc(), Administration.position.desc(), Administration.id)
    ).all()
    ids = [row[0].id for row in rows]
    counted, alerts = progress.of_administrations(session, ids), _open_alerts(session, ids)
    return tuple(
        _line(pinning.begun_with(session, each), each, time_point, course, name, counted[each.id], alerts.get(each.id))
        for each, time_point, course, name in rows
    )


def _line(
    instrument: Instrument,
    each: Administration,
    time_point: str,
    course: Course,
    marked_by: str | None,
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
        answered=counted.answered,
        items=counted.items,
        mode=each.mode,
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

    Claims the assessment first, then the administration, as submitting does. Raises AlreadyMarked, ReasonNeeded.
    """
    require(by, Action.MARK_IN_ERROR)
    administration, patient = _find(session, administration_public_id, by=by)
    if not reason.strip():
        raise ReasonNeeded("reason")
    session.execute(update(Assessment).where(Assessment.id == administration.assessment_id).values(completed_at=None))
    marked = session.scalar(
        update(Administration)
        .where(Administration.id == administration.id, Administration.in_error_at.is_(None))
        .values(in_error_at=at, in_error_by=by.id, in_error_reason=reason.strip())
        .returning(Administration.id)
    )
    if marked is None:
        raise AlreadyMarked("in error")
    _unstart(session, administration.assessment_id)
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


def _unstart(session: Session, assessment_id: int) -> None:
    """An assessment of which nothing is left was not begun."""
    left = select(Administration.id).where(
        Administration.assessment_id == assessment_id, Administration.in_error_at.is_(None)
    )
    if session.scalar(left.limit(1)) is None:
        session.execute(update(Assessment).where(Assessment.id == assessment_id).values(started_at=None))
