"""The desk hands an assessment to a patient in the clinic: on a tablet, by a code, or on a device of its own."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.courses import WAITING
from prom_server.core.kiosks import (
    CODE_DIGITS,
    HandoverPage,
    IssuedCode,
    NotAnswerable,
    PatientLocked,
    Tablet,
    Waiting,
)
from prom_server.core.permissions import Action, ClinicFacts, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.tokens import hash_token
from prom_server.services import audit, catalogue, finding, progress
from prom_server.services.course_views import assessment_view
from prom_server.store.assessments import Assessment
from prom_server.store.base import opaque_id
from prom_server.store.courses import Course
from prom_server.store.kiosks import Device as DeviceRow
from prom_server.store.kiosks import Handover
from prom_server.store.patients import Patient

READY_FOR = timedelta(minutes=15)
CODE_SERVES = timedelta(minutes=30)
WAITS = (Handover.used_at.is_(None), Handover.cancelled_at.is_(None))


def page(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> HandoverPage:
    """An assessment with the ways to hand it over."""
    require(by, Action.HAND_OVER)
    rows = finding.assessment(session, assessment_public_id, by=by)
    audit.record(session, "assessment.view", by=by, at=at, patient_id=rows[2].id, subject=_subject(rows[0]))
    return _page(session, *rows, by=by, at=at)


def tablets(session: Session, *, by: StaffMember) -> tuple[Tablet, ...]:
    """The clinic's tablets that are set up, by name."""
    require(by, Action.HAND_OVER)
    rows = session.scalars(
        select(DeviceRow)
        .where(DeviceRow.clinic_id == by.clinic.id, DeviceRow.revoked_at.is_(None), DeviceRow.set_up_until.is_(None))
        .order_by(DeviceRow.name, DeviceRow.id)
    )
    return tuple(Tablet(row.public_id, row.name, row.locked_at is not None) for row in rows)


def start_on(
    session: Session, assessment_public_id: str, device_public_id: str, *, by: StaffMember, at: datetime
) -> str:
    """Makes the tablet ready for this patient; whatever waited on it before is replaced. Returns the tablet's name.

    Raises NotAnswerable, PatientLocked.
    """
    assessment = _answerable(session, assessment_public_id, by=by, at=at)
    device = session.scalars(
        select(DeviceRow)
        .where(
            DeviceRow.clinic_id == by.clinic.id,
            DeviceRow.public_id == finding.checked(device_public_id),
            DeviceRow.revoked_at.is_(None),
            DeviceRow.set_up_until.is_(None),
        )
        .with_for_update(key_share=True)
    ).one_or_none()
    if device is None:
        raise NotFound("no such tablet")
    replace(session, [Handover.device_id == device.id], at=at)
    _hand_over(session, assessment, READY_FOR, device_id=device.id, by=by, at=at)
    _record(session, "handover.start", assessment, by=by, at=at, detail=device.name)
    return device.name


def make_code(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> IssuedCode:
    """Six digits for any tablet of the clinic, once, within 30 minutes. Raises NotAnswerable, PatientLocked."""
    assessment = _answerable(session, assessment_public_id, by=by, at=at)
    code = _free_code(session, by.clinic, at=at)
    _hand_over(session, assessment, CODE_SERVES, code_hash=_code_hash(by.clinic, code), by=by, at=at)
    _record(session, "handover.code", assessment, by=by, at=at)
    view = _page(session, *finding.assessment(session, assessment_public_id, by=by), by=by, at=at)
    return IssuedCode(code, at + CODE_SERVES, view)


def start_here(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> str:
    """For the browser that `by` uses now and gives away; the edge signs them out first. Returns the handover's id."""
    assessment = _answerable(session, assessment_public_id, by=by, at=at)
    public_id = _hand_over(session, assessment, READY_FOR, by=by, at=at)
    _record(session, "handover.start", assessment, by=by, at=at, detail="own device")
    return public_id


def take_back(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """Nothing waits for this patient any more, on no tablet and under no code. A second time changes nothing."""
    require(by, Action.HAND_OVER)
    assessment, _course, _patient = finding.assessment(session, assessment_public_id, by=by)
    replace(session, [Handover.assessment_id == assessment.id], at=at)
    _record(session, "handover.cancel", assessment, by=by, at=at)


def _answerable(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> Assessment:
    require(by, Action.HAND_OVER)
    assessment, course, patient = finding.assessment(session, assessment_public_id, by=by, lock=True)
    view = _page(session, assessment, course, patient, by=by, at=at)
    if not view.answerable:
        raise NotAnswerable("closed, completed, cancelled or not open yet")
    if view.locked:
        raise PatientLocked("too many wrong birth dates")
    return assessment


def _hand_over(
    session: Session, assessment: Assessment, serves: timedelta, *, by: StaffMember, at: datetime, **how: object
) -> str:
    """Only the newest handover of an assessment serves."""
    replace(session, [Handover.assessment_id == assessment.id], at=at)
    public_id = opaque_id()
    session.execute(
        insert(Handover).values(
            public_id=public_id,
            clinic_id=by.clinic.id,
            patient_id=assessment.patient_id,
            assessment_id=assessment.id,
            created_by=by.id,
            created_at=at,
            expires_at=at + serves,
            **how,
        )
    )
    return public_id


def replace(session: Session, which: Iterable[ColumnElement[bool]], *, at: datetime) -> None:
    session.execute(update(Handover).where(*which, *WAITS).values(cancelled_at=at))


def _free_code(session: Session, clinic: ClinicFacts, *, at: datetime) -> str:
    """One that no other patient of the clinic holds now."""
    while True:
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        if (
            session.scalar(select(Handover.id).where(*code_waits(clinic, code), Handover.expires_at > at).limit(1))
            is None
        ):
            return code


def code_waits(clinic: ClinicFacts, code: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Handover.clinic_id == clinic.id,
        Handover.code_hash == _code_hash(clinic, code),
        *WAITS,
    )


def _code_hash(clinic: ClinicFacts, code: str) -> str:
    return hash_token(f"{clinic.public_id}:{code}")


def _page(
    session: Session, assessment: Assessment, course: Course, patient: Patient, *, by: StaffMember, at: datetime
) -> HandoverPage:
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    done = progress.of_assessments(session, [assessment.id]).get(assessment.id, progress.NONE)
    view = assessment_view(assessment, protocol, done, by=by, at=at)
    waiting = session.execute(
        select(DeviceRow.name, Handover.expires_at)
        .select_from(Handover)
        .outerjoin(DeviceRow, Handover.device_id == DeviceRow.id)
        .where(Handover.assessment_id == assessment.id, *WAITS, Handover.expires_at > at)
        .order_by(Handover.id.desc())
        .limit(1)
    ).one_or_none()
    return HandoverPage(
        finding.ref(patient),
        course.public_id,
        course.number,
        view,
        view.status in WAITING,
        patient.locked_at is not None,
        tablets(session, by=by),
        Waiting(waiting.name, waiting.expires_at) if waiting else None,
    )


def _subject(assessment: Assessment) -> str:
    return f"assessment:{assessment.public_id}"


def _record(
    session: Session, action: str, assessment: Assessment, *, by: StaffMember, at: datetime, detail: str | None = None
) -> None:
    patient_id, subject = assessment.patient_id, _subject(assessment)
    audit.record(session, action, by=by, at=at, patient_id=patient_id, subject=subject, detail=detail)
