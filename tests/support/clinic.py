"""A clinic with staff and invited patients, made through the services, as of a chosen instant."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server import clock
from prom_server.core.enrolment import PatientDetails
from prom_server.core.permissions import Role, StaffMember
from prom_server.definitions.library import Library
from prom_server.services import accounts, catalogue, courses, enrolment, invitations, staffing
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course
from prom_server.store.database import Database
from prom_server.store.staff import Staff

NOON = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)  # Monday noon in Denver
BIRTH_DATE = date(1968, 3, 12)
TYPED_DATE = {"month": "3", "day": "12", "year": "1968"}
FREE = "five-day-free-instruments"  # PHQ-9, then GAD-7
DEFAULT = "ketamine-five-day"


def bind_definitions(supplements: Path | None = None) -> None:
    catalogue.bind(Library.shipped(supplements))


@dataclass(frozen=True)
class Invited:
    """A patient with a link to an open baseline."""

    token: str
    patient: str  # public ids
    course: str
    assessment: str


def clinic(session: Session, *, demo: bool = True, name: str = "Harbour Street Pain Clinic") -> Clinic:
    public_id = staffing.create_clinic(
        session, name, "America/Denver", "(303) 555-0142", "weekdays 8 am to 5 pm", "letter", demo=demo, at=NOON
    )
    return session.scalars(select(Clinic).where(Clinic.public_id == public_id)).one()


def member(session: Session, of: Clinic, role: Role = Role.CLINICIAN, name: str = "Bob Example") -> StaffMember:
    facts = staffing.find_clinic(session, of.public_id)
    email = f"{name.split()[0].lower()}.{of.id}@example.org"
    staffing.add_staff(session, name, email, role, clinic=facts, by=None, at=NOON)
    return accounts.member(session.scalars(select(Staff).where(Staff.email == email)).one(), of)


def invited(
    session: Session, by: StaffMember, *, number: int = 1, protocol: str = FREE, at: datetime = NOON
) -> Invited:
    """Alice, at the day before her first infusion, with a link in her hand."""
    details = PatientDetails(f"DEMO-{number:04}", "Alice", f"Specimen {number}", BIRTH_DATE)
    patient = enrolment.add_patient(session, details, by=by, at=at)
    course = courses.start_course(session, patient, protocol, at.date() + timedelta(days=1), by=by, at=at)
    assessment = assessment_of(session, course, "baseline")
    return Invited(invitations.issue(session, assessment, by=by, at=at).token, patient, course, assessment)


def assessment_of(session: Session, course: str, time_point: str) -> str:
    return session.scalars(
        select(Assessment.public_id)
        .join(Course, Course.id == Assessment.course_id)
        .where(Course.public_id == course, Assessment.time_point == time_point)
    ).one()


def invitations_for(database: Database, patients: int, *, protocol: str = FREE) -> list[str]:
    """A demo clinic with so many patients, each with a link to a baseline that is open now; their link tokens."""
    bind_definitions()
    at = clock.now()
    with database.writing() as session:
        by = member(session, clinic(session))
        return [invited(session, by, number=number, protocol=protocol, at=at).token for number in range(patients)]
