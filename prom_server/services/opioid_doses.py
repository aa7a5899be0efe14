"""What a patient takes of opioids, from a day on, in milligrams and in morphine equivalents; see `core.mme`."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from prom_server.core.care import DayInFuture
from prom_server.core.mme import DailyDose, DoseView, FactorTable, daily_dose, mme
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import audit, catalogue, finding, marking
from prom_server.store.base import opaque_id
from prom_server.store.care import OpioidDose
from prom_server.store.courses import Course
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


def factors(*, by: StaffMember) -> FactorTable:
    """The table of today: what can be recorded, with which factor and from which source."""
    require(by, Action.MANAGE_COURSES)
    return catalogue.opioid_factors()


def history(session: Session, patient_id: int, *, by: StaffMember) -> tuple[DoseView, ...]:
    """All doses of a patient, the newest first, those entered in error too."""
    names = {each.drug: each.name for each in catalogue.opioid_factors().opioids}
    rows = session.execute(
        select(OpioidDose, Staff.name)
        .join(Staff, Staff.id == OpioidDose.recorded_by)
        .where(OpioidDose.clinic_id == by.clinic.id, OpioidDose.patient_id == patient_id)
        .order_by(OpioidDose.taken_from.desc(), OpioidDose.recorded_at.desc(), OpioidDose.id.desc())
    )
    return tuple(
        DoseView(
            public_id=row.public_id,
            taken_from=row.taken_from,
            drug=row.drug,
            name=names.get(row.drug, row.drug),
            daily_amount=row.daily_amount,
            unit=row.unit,
            factor=row.factor,
            mme=row.mme,
            factors_version=row.factors_version,
            recorded_by=name,
            recorded_at=row.recorded_at,
            in_error=row.in_error_at is not None,
        )
        for row, name in rows
    )


def total_on(session: Session, patient_id: int, on: date, *, by: StaffMember) -> DailyDose | None:
    """MME of one day; None where nothing was recorded by then."""
    require(by, Action.SEE_PATIENTS)
    return daily_dose(history(session, patient_id, by=by), on)


def record_dose(
    session: Session,
    course_public_id: str,
    drug: str,
    daily_amount: Decimal,
    taken_from: date,
    *,
    by: StaffMember,
    at: datetime,
) -> str:
    """In the drug's own unit (mg a day, mcg/h of transdermal fentanyl); 0: stopped. Returns the dose's public id.

    The factor and the table's version stay with it. Raises UnknownOpioid, ImplausibleDailyAmount, DayInFuture.
    """
    require(by, Action.MANAGE_COURSES)
    course, patient = finding.course(session, course_public_id, by=by)
    table = catalogue.opioid_factors()
    opioid = table.opioid(drug)
    equivalent = mme(daily_amount, opioid)
    if taken_from > finding.local_day(at, by.clinic):
        raise DayInFuture("from")
    public_id = opaque_id()
    session.execute(
        insert(OpioidDose).values(
            public_id=public_id,
            clinic_id=by.clinic.id,
            patient_id=patient.id,
            taken_from=taken_from,
            drug=drug,
            daily_amount=daily_amount,
            unit=str(opioid.unit),
            factor=opioid.factor,
            mme=equivalent,
            factors_version=table.version,
            recorded_by=by.id,
            recorded_at=at,
        )
    )
    detail = f"{drug} {daily_amount} {opioid.unit} from {taken_from}: {equivalent} MME by {table.version}"
    _record(session, "opioid_dose.record", course, patient, by=by, at=at, detail=detail)
    return public_id


def mark_dose_in_error(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> str:
    """It stays, marked, and counts no more. Returns the public id of the patient's last course."""
    require(by, Action.MANAGE_COURSES)
    row = session.execute(
        select(OpioidDose, Patient, Course)
        .join(Patient, Patient.id == OpioidDose.patient_id)
        .join(Course, Course.patient_id == Patient.id)
        .where(OpioidDose.clinic_id == by.clinic.id, OpioidDose.public_id == finding.checked(public_id))
        .order_by(Course.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound("no such dose")
    dose, patient, course = row
    if marking.in_error(session, OpioidDose, dose.id, at=at):
        _record(session, "opioid_dose.in_error", course, patient, by=by, at=at, detail=public_id)
    return course.public_id


def _record(
    session: Session, action: str, course: Course, patient: Patient, *, by: StaffMember, at: datetime, detail: str
) -> None:
    subject = f"course:{course.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=patient.id, subject=subject, detail=detail)
