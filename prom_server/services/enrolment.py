"""Patients are added and corrected."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from prom_server.core.enrolment import (
    ImplausibleBirthDate,
    PatientDetails,
    PatientFile,
    PatientRef,
    RecordNumberTaken,
    age_on,
    names_alike,
    plausible_birth_date,
    sort_name,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, finding
from prom_server.store.base import opaque_id
from prom_server.store.patients import Patient

COMPARED = 500  # of those born on one day; a day that many share is a stand-in for an unknown one
LISTED = 5
FETCH = {"synchronize_session": "fetch"}  # else an update looks through all that is loaded: an import has thousands


def add_patient(session: Session, details: PatientDetails, *, by: StaffMember, at: datetime) -> str:
    """Returns the new patient's public id. Raises RecordNumberTaken, ImplausibleBirthDate."""
    require(by, Action.EDIT_PATIENTS)
    _check_birth_date(details.birth_date, by=by, at=at)
    public_id = opaque_id()
    statement = insert(Patient).values(
        public_id=public_id, clinic_id=by.clinic.id, wrong_birth_dates=0, created_at=at, **_columns(details)
    )
    try:
        with session.begin_nested():
            patient_id = session.execute(statement.returning(Patient.id)).scalar_one()
    except IntegrityError as error:
        raise RecordNumberTaken("record number") from error
    audit.record(session, "patient.add", by=by, at=at, patient_id=patient_id)
    return public_id


def add_patients(
    session: Session, several: Sequence[PatientDetails], *, subject: str, by: StaffMember, at: datetime
) -> dict[str, int]:
    """All of them or none, in a few statements; by record number. `subject`: where they come from, for the audit.

    Raises RecordNumberTaken, ImplausibleBirthDate.
    """
    require(by, Action.EDIT_PATIENTS)
    for details in several:
        _check_birth_date(details.birth_date, by=by, at=at)
    if not several:
        return {}
    same = {"clinic_id": by.clinic.id, "wrong_birth_dates": 0, "created_at": at}
    rows = [{"public_id": opaque_id(), **same, **_columns(details)} for details in several]
    try:
        with session.begin_nested():
            found = session.execute(insert(Patient).returning(Patient.record_number, Patient.id), rows).all()
    except IntegrityError as error:
        raise RecordNumberTaken("record number") from error
    audit.record_each(session, "patient.add", [row.id for row in found], by=by, at=at, subject=subject)
    return {row.record_number: row.id for row in found}


def possible_duplicates(
    session: Session, details: PatientDetails, *, by: StaffMember, at: datetime
) -> tuple[PatientRef, ...]:
    """Patients born on the same day whose names are alike: to look at before another one is added."""
    require(by, Action.EDIT_PATIENTS)
    same_day = (
        Patient.clinic_id == by.clinic.id,
        Patient.birth_date == details.birth_date,
        Patient.merged_into_id.is_(None),
    )
    rows = session.scalars(select(Patient).where(*same_day).order_by(Patient.sort_name, Patient.id).limit(COMPARED))
    name = (details.family_name, details.given_name)
    alike = [row for row in rows if names_alike(*name, row.family_name, row.given_name)][:LISTED]
    for row in alike:
        audit.record(session, "patient.duplicate", by=by, at=at, patient_id=row.id)
    return tuple(finding.ref(row) for row in alike)


def edit_patient(session: Session, public_id: str, details: PatientDetails, *, by: StaffMember, at: datetime) -> None:
    """Corrects what was entered. A corrected birth date unlocks links that the wrong one had locked."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by, lock=True)
    _check_birth_date(details.birth_date, by=by, at=at)
    old, new = _columns(details_of(row)), _columns(details)
    changes = {name: value for name, value in new.items() if old[name] != value}
    if not changes:
        return
    if "birth_date" in changes:
        changes |= {"wrong_birth_dates": 0, "locked_at": None}
    try:
        with session.begin_nested():
            session.execute(update(Patient).where(Patient.id == row.id).values(**changes), execution_options=FETCH)
    except IntegrityError as error:
        raise RecordNumberTaken("record number") from error
    lines = [f"{name}: {old[name]} -> {new[name]}" for name in changes if name in new and name != "sort_name"]
    audit.record(session, "patient.edit", by=by, at=at, patient_id=row.id, detail="\n".join(lines))


def _check_birth_date(birth_date: date, *, by: StaffMember, at: datetime) -> None:
    if not plausible_birth_date(birth_date, finding.local_day(at, by.clinic)):
        raise ImplausibleBirthDate("birth date")


def _columns(details: PatientDetails) -> dict[str, object]:
    return {
        "record_number": " ".join(details.record_number.upper().split()),
        "given_name": details.given_name,
        "family_name": details.family_name,
        "sort_name": sort_name(details.family_name, details.given_name),
        "birth_date": details.birth_date,
        "phone": details.phone or None,
        "address": details.address or None,
        "emergency_contact": details.emergency_contact or None,
        "language": details.language,
        "text_size": details.text_size,
        "contrast": details.contrast,
    }


def details_of(row: Patient) -> PatientDetails:
    return PatientDetails(
        row.record_number,
        row.given_name,
        row.family_name,
        row.birth_date,
        row.phone,
        row.address,
        row.emergency_contact,
        row.language,
        row.text_size,
        row.contrast,
    )


def patient_file(
    session: Session, public_id: str, *, by: StaffMember, at: datetime, action: str = "patient.view"
) -> PatientFile:
    """The head of a patient's pages. `action` is what the audit says was looked at."""
    require(by, Action.SEE_PATIENTS)
    row = finding.patient(session, public_id, by=by)
    audit.record(session, action, by=by, at=at, patient_id=row.id)
    age = age_on(row.birth_date, finding.local_day(at, by.clinic))
    return PatientFile(
        patient=finding.ref(row),
        details=details_of(row),
        age=age,
        locked_at=row.locked_at,
        wrong_birth_dates=row.wrong_birth_dates,
        reminders_off_at=row.reminders_off_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_reason=row.withdrawn_reason,
        deceased_on=row.deceased_on,
    )


def unlock(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> None:
    """The patient's links serve again after too many wrong birth dates."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by, lock=True)
    session.execute(update(Patient).where(Patient.id == row.id).values(wrong_birth_dates=0, locked_at=None))
    audit.record(session, "links.unlock", by=by, at=at, patient_id=row.id)
