"""Patients are added, corrected and found."""

from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, false, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from prom_server.core.enrolment import (
    ImplausibleBirthDate,
    PatientDetails,
    PatientFile,
    PatientLine,
    PatientsPage,
    RecordNumberTaken,
    age_on,
    folded,
    plausible_birth_date,
    sort_name,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, finding
from prom_server.store.base import opaque_id
from prom_server.store.patients import Patient

PER_PAGE = 25
BEYOND = chr(0x10FFFF)  # after every other character: the end of a prefix's range


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


def edit_patient(session: Session, public_id: str, details: PatientDetails, *, by: StaffMember, at: datetime) -> None:
    """Corrects what was entered. A corrected birth date unlocks links that the wrong one had locked."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by, lock=True)
    _check_birth_date(details.birth_date, by=by, at=at)
    old, new = _columns(_details(row)), _columns(details)
    changes = {name: value for name, value in new.items() if old[name] != value}
    if not changes:
        return
    if "birth_date" in changes:
        changes |= {"wrong_birth_dates": 0, "locked_at": None}
    try:
        with session.begin_nested():
            session.execute(update(Patient).where(Patient.id == row.id).values(**changes))
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


def _details(row: Patient) -> PatientDetails:
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
    return PatientFile(finding.ref(row), _details(row), age, row.locked_at, row.wrong_birth_dates, row.reminders_off_at)


def unlock(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> None:
    """The patient's links serve again after too many wrong birth dates."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by, lock=True)
    session.execute(update(Patient).where(Patient.id == row.id).values(wrong_birth_dates=0, locked_at=None))
    audit.record(session, "links.unlock", by=by, at=at, patient_id=row.id)


# ---- Finding


def search(
    session: Session, query: str, *, born: date | None = None, after: str | None = None, by: StaffMember, at: datetime
) -> PatientsPage:
    """Patients by the beginning of the name or record number, or by birth date; all of them for an empty query.

    Every condition is a range of an index and a page begins where the last one ended, so the cost does not grow with
    the number of patients.
    """
    require(by, Action.SEE_PATIENTS)
    statement = select(Patient).where(Patient.clinic_id == by.clinic.id)
    if born is not None:
        statement = statement.where(Patient.birth_date == born)
    elif query.strip():
        statement = statement.where(_matching(query))
    rows = session.scalars(_page(session, statement, after, by=by)).all()
    audit.record(session, "patients.list", by=by, at=at)
    today = finding.local_day(at, by.clinic)
    lines = tuple(
        PatientLine(
            finding.ref(row),
            f"{row.family_name}, {row.given_name}",
            row.birth_date,
            age_on(row.birth_date, today),
            row.locked_at is not None,
        )
        for row in rows[:PER_PAGE]
    )
    return PatientsPage(lines, rows[PER_PAGE - 1].public_id if len(rows) > PER_PAGE else None)


def _page(session: Session, statement: Select[Patient], after: str | None, *, by: StaffMember) -> Select[Patient]:
    """The rows after a patient. Only an opaque id travels in the address, never the name that orders the list."""
    if after is not None:
        last = finding.patient(session, after, by=by)
        statement = statement.where(tuple_(Patient.sort_name, Patient.id) > (last.sort_name, last.id))
    return statement.order_by(Patient.sort_name, Patient.id).limit(PER_PAGE + 1)


def _matching(query: str) -> ColumnElement[bool]:
    number = " ".join(query.upper().split())
    return or_(_begins(Patient.record_number, number), *(_named(*each) for each in _readings(query)))


def _readings(query: str) -> list[tuple[str, str]]:
    """(family, given) as the words may be meant: "Specimen", "Specimen, Rosa", "Rosa Specimen", "Rosa van der Berg"."""
    family, comma, given = query.partition(",")
    if comma:
        return [(folded(family), folded(given))]
    words = folded(query).split()[:6]
    splits = [(" ".join(words[i:]), " ".join(words[:i])) for i in range(1, len(words))]
    return [(" ".join(words), ""), *splits] if words else []


def _named(family: str, given: str) -> ColumnElement[bool]:
    if not given:
        return _begins(Patient.sort_name, family)
    # The given name is compared inside the sort name, where it is folded: "specimen, rosa".
    escaped = given.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return and_(_begins(Patient.sort_name, family), Patient.sort_name.like(f"%, {escaped}%", escape="\\"))


def _begins(column: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    return and_(column >= prefix, column < prefix + BEYOND) if prefix else false()
