"""Alice the patient, Bob her psychologist, Cora at the desk, Ada the administrator, and Charlie from another clinic."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prom_server.core.enrolment import PatientDetails
from prom_server.core.permissions import Role, StaffMember
from prom_server.services import accounts, answering, courses, enrolment, invitations, staffing, visit_pages, visits
from prom_server.services.answering import Posted
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from prom_server.store.staff import Staff
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Cast:
    bob: StaffMember
    cora: StaffMember
    ada: StaffMember
    charlie: StaffMember
    alice: str  # public id
    charlies: str  # a patient of the other clinic

    def of(self, role: Role) -> StaffMember:
        return {Role.CLINICIAN: self.bob, Role.COORDINATOR: self.cora, Role.ADMINISTRATOR: self.ada}[role]


def cast(session: Session, *, demo: bool = True) -> Cast:
    clinic.bind_definitions()
    ours = clinic.clinic(session, demo=demo)
    theirs = clinic.clinic(session, demo=demo, name="Hilltop Clinic")
    bob = clinic.member(session, ours)
    charlie = clinic.member(session, theirs, name="Charlie Elsewhere")
    return Cast(
        bob=bob,
        cora=clinic.member(session, ours, Role.COORDINATOR, "Cora Example"),
        ada=clinic.member(session, ours, Role.ADMINISTRATOR, "Ada Example"),
        charlie=charlie,
        alice=patient(session, bob),
        charlies=patient(session, charlie, "Zed", "Elsewhere"),
    )


def patient(
    session: Session,
    by: StaffMember,
    given: str = "Alice",
    family: str = "Specimen",
    *,
    number: str = "DEMO-1",
    born: date = BIRTH_DATE,
    phone: str | None = "(303) 555-0100",
) -> str:
    return enrolment.add_patient(session, PatientDetails(number, given, family, born, phone), by=by, at=NOON)


TODAY = NOON.date()


def start(session: Session, cast: Cast, *, starts_on: date = TODAY, patient_id: str | None = None) -> str:
    """A course on the free protocol: PHQ-9, then GAD-7."""
    return courses.start_course(session, patient_id or cast.alice, clinic.FREE, starts_on, by=cast.bob, at=NOON)


def infuse(session: Session, course: str, by: StaffMember, *days: int) -> list[str]:
    """Infusions so many days after noon, recorded at once."""
    given = []
    for day in days:
        at = NOON + timedelta(days=day)
        given.append(courses.record_infusion(session, course, at, by=by, at=at))
    return given


def answer_part(
    session: Session,
    course: str,
    by: StaffMember,
    item_9: int | None,
    *,
    time_point: str = "baseline",
    at: datetime = NOON,
) -> str:
    """Alice answers the PHQ-9 of the baseline up to its ninth item, and does not submit; her session's token."""
    link = invitations.issue(session, clinic.assessment_of(session, course, time_point), by=by, at=at).token
    visits.count_attempt(session, link, at=at)
    token = visits.identify(session, link, BIRTH_DATE, at=at).token
    assert token is not None
    answering.start(session, token, at=at)
    for number in range(1, 10):
        step = visit_pages.step(session, token, 1, number, at=at)
        value = item_9 if number == 9 else 1
        answering.save(session, token, 1, Posted(step.item.id, value, step.sequence), at=at)
    return token


def submit_part(session: Session, token: str, *, at: datetime = NOON) -> None:
    answering.submit(session, token, 1, at=at)


@cache
def hashed(password: str) -> str:
    """Hashing is slow on purpose."""
    return accounts.hash_password(password)


def set_password(session: Session, who: StaffMember, *, by: StaffMember, password: str = PASSWORD) -> None:
    link = staffing.new_password_link(session, who.public_id, by=by, at=NOON)
    staffing.set_password(session, link.token, hashed(password), at=NOON)


def email_of(session: Session, who: StaffMember) -> str:
    return session.execute(select(Staff.email).where(Staff.id == who.id)).scalar_one()


def count(database: Database, table: type, *conditions: Any) -> int:
    with database.reading() as session:
        return session.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()


def audited(session: Session) -> list[str]:
    return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
