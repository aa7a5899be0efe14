"""The clinic's tablet in a real browser, and the desk beside it, over one live server."""

from dataclasses import dataclass
from datetime import timedelta

from playwright.sync_api import BrowserContext, Page
from sqlalchemy import func, select, update

from prom_server import clock
from prom_server.core.permissions import Role, StaffMember
from prom_server.services import enrolment, handovers, kiosks
from prom_server.store.assessments import Response
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.invitations import PatientSession
from tests.support import clinic, kiosk
from tests.support.clinic import TYPED_DATE

COOKIE = "prom-kiosk"


@dataclass(frozen=True)
class Person:
    """One patient of the clinic: what must never be read by the next is in the canaries."""

    assessment: str
    canaries: tuple[str, ...]


class ClinicWithTablet:
    """A clinic with one tablet and any number of patients, whose assessments wait for answers."""

    def __init__(self, database: Database, patients: int, *, protocol: str = clinic.FREE) -> None:
        clinic.bind_definitions()
        self.database = database
        at = clock.now()
        with database.writing() as session:
            row = clinic.clinic(session)
            administrator = clinic.member(session, row, Role.ADMINISTRATOR, "Ada Example")
            self.by: StaffMember = clinic.member(session, row)
            self.credential = kiosk.tablet(session, administrator, "Tablet 1", at=at)
            self.people = [self._person(session, number, protocol, at) for number in range(1, patients + 1)]

    def _person(self, session, number: int, protocol: str, at) -> Person:
        made = clinic.invited(session, self.by, number=number, protocol=protocol, at=at)
        ref = enrolment.patient_file(session, made.patient, by=self.by, at=at).patient
        return Person(made.assessment, (ref.name, f"Specimen {number}", ref.record_number, made.patient))

    def hand_over(self, person: Person) -> None:
        """The desk chooses the tablet for this patient."""
        at = clock.now()
        with self.database.writing() as session:
            device = kiosks.of_credential(session, self.credential, at=at)
            assert device is not None
            handovers.start_on(session, person.assessment, device.public_id, by=self.by, at=at)

    def code_for(self, person: Person) -> str:
        with self.database.writing() as session:
            return handovers.make_code(session, person.assessment, by=self.by, at=clock.now()).code

    def change(self, **times: int) -> None:
        with self.database.writing() as session:
            session.execute(update(Clinic).values(**times))

    def pass_time(self, seconds: int) -> None:
        """As if nobody had touched the tablet for so long."""
        with self.database.writing() as session:
            for row in session.scalars(select(PatientSession).where(PatientSession.ended_at.is_(None))):
                row.seen_at -= timedelta(seconds=seconds)

    def responses(self) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(Response)) or 0


def put_credential(context: BrowserContext, url: str, credential: str) -> None:
    context.add_cookies([{"name": COOKIE, "value": credential, "url": url, "httpOnly": True, "sameSite": "Strict"}])


def type_birth_date(page: Page) -> None:
    for label, name in (("Month", "month"), ("Day", "day"), ("Year", "year")):
        page.get_by_label(label).fill(TYPED_DATE[name])
    page.get_by_role("button", name="Continue").click()
