"""Rows by the opaque id of an address. Another clinic's and an unknown one are the same: NotFound.

`lock` holds a row until the commit, but for those that only refer to it: an audit line of the same patient, or a save
in the same assessment, does not wait for it. With an assessment nothing else is held; else two acts could wait for each
other.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from prom_server.core.corrections import AlreadyMarked
from prom_server.core.enrolment import MergedInto, PatientRef
from prom_server.core.permissions import ClinicFacts, StaffMember
from prom_server.core.refusals import NotFound
from prom_server.core.schedule import Window
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course, Infusion
from prom_server.store.patients import Patient


def checked(public_id: str) -> str:
    """The id, if it can be one at all: no database is asked about anything else."""
    if not (public_id.isascii() and public_id.isalnum() and len(public_id) <= 20):
        raise NotFound("not an id")
    return public_id


def locked_clinic(session: Session, *, by: StaffMember) -> Clinic:
    """Two who change settings or staff at the same moment take turns; patients' work goes on meanwhile.

    First of all in its transaction: whoever took a person first could wait for somebody who waits for that person.
    """
    mine = select(Clinic).where(Clinic.id == by.clinic.id)
    return session.scalars(mine.with_for_update(key_share=True).execution_options(populate_existing=True)).one()


def patient(session: Session, public_id: str, *, by: StaffMember, lock: bool = False) -> Patient:
    statement = select(Patient).where(Patient.clinic_id == by.clinic.id, Patient.public_id == checked(public_id))
    row = session.scalars(statement.with_for_update(key_share=True) if lock else statement).one_or_none()
    if row is None:
        raise NotFound("no such patient")
    if row.merged_into_id is not None:
        raise MergedInto(kept(session, row).public_id)
    return row


def kept(session: Session, row: Patient) -> Patient:
    """The record that a merged one became part of, through every merge since."""
    while row.merged_into_id is not None:
        row = session.get_one(Patient, row.merged_into_id)
    return row


def course(session: Session, public_id: str, *, by: StaffMember, lock: bool = False) -> tuple[Course, Patient]:
    """`lock` holds the patient, then the course: in the order of an act on all courses of a patient."""
    this = (Course.clinic_id == by.clinic.id, Course.public_id == checked(public_id))
    statement = select(Course, Patient).join(Patient, Patient.id == Course.patient_id).where(*this)
    if lock:
        whose = select(Course.patient_id).where(*this).scalar_subquery()
        session.execute(select(Patient.id).where(Patient.id == whose).with_for_update(key_share=True))
        statement = statement.with_for_update(of=Course, key_share=True)
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound("no such course")
    return row


def assessment(
    session: Session, public_id: str, *, by: StaffMember, lock: bool = False
) -> tuple[Assessment, Course, Patient]:
    statement = (
        select(Assessment, Course, Patient)
        .join(Course, Course.id == Assessment.course_id)
        .join(Patient, Patient.id == Assessment.patient_id)
        .where(Assessment.clinic_id == by.clinic.id, Assessment.public_id == checked(public_id))
    )
    held = statement.with_for_update(of=Assessment, key_share=True)
    row = session.execute(held if lock else statement).one_or_none()
    if row is None:
        raise NotFound("no such assessment")
    return row


def administrations(by: StaffMember) -> Select[Administration, Assessment, Course, Patient]:
    """Those of the clinic, each with its assessment, course and patient."""
    return (
        select(Administration, Assessment, Course, Patient)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .join(Course, Course.id == Assessment.course_id)
        .join(Patient, Patient.id == Assessment.patient_id)
        .where(Administration.clinic_id == by.clinic.id)
    )


def administration(
    session: Session, public_id: str, *, by: StaffMember, lock: bool = False
) -> tuple[Administration, Assessment, Course, Patient]:
    """One that counts; `lock` holds its assessment. Raises NotFound, AlreadyMarked where it was entered in error."""
    statement = administrations(by).where(Administration.public_id == checked(public_id))
    held = statement.with_for_update(of=Assessment, key_share=True)
    row = session.execute(held if lock else statement).one_or_none()
    if row is None:
        raise NotFound("no such administration")
    if row[0].in_error_at is not None:
        raise AlreadyMarked("in error")
    return row


def ref(row: Patient) -> PatientRef:
    return PatientRef(row.public_id, f"{row.given_name} {row.family_name}", row.record_number)


def window(row: Assessment) -> Window:
    return Window(row.time_point, row.opens_on, row.due_on, row.overdue_on, row.closes_on, row.closed_at)


def given_on(row: Infusion, clinic: ClinicFacts) -> date:
    """The day of an infusion: the clinic's when it was recorded, whatever its time zone became since.

    One that an older version recorded has none until the zone changes: see `infusions.keep_days`.
    """
    return row.given_on or local_day(row.given_at, clinic)


def local_day(at: datetime, clinic: ClinicFacts) -> date:
    """The clinic's calendar day of an instant."""
    return at.astimezone(ZoneInfo(clinic.time_zone)).date()
