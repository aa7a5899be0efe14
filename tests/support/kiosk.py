"""A clinic with tablets, through the services."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from prom_server.core.kiosks import Device
from prom_server.core.permissions import StaffMember
from prom_server.services import devices, handovers, kiosks, tablet_entry
from prom_server.services.tablet_entry import Where
from prom_server.services.visits import Attempt
from prom_server.store.database import Database
from tests.support.clinic import BIRTH_DATE, NOON


def tablet(session: Session, by: StaffMember, name: str = "Tablet 1", *, at: datetime = NOON) -> str:
    """The credential of a tablet that is set up."""
    return kiosks.set_up(session, devices.register(session, name, "en", by=by, at=at).token, at=at)


@dataclass
class Tablet:
    """What a tablet does, each step in a transaction of its own as the edge does it."""

    database: Database
    credential: str

    def device(self, at: datetime = NOON) -> Device:
        with self.database.reading() as session:
            found = kiosks.of_credential(session, self.credential, at=at)
        assert found is not None
        return found

    def where(self, at: datetime = NOON) -> Where:
        return Where(self.device(at))

    def try_code(self, code: str, at: datetime = NOON) -> bool:
        with self.database.writing() as session:
            kiosks.count_code(session, self.device(at), at=at)
        with self.database.writing() as session:
            return tablet_entry.claim(session, self.device(at), code, at=at)

    def identify(self, birth_date=BIRTH_DATE, at: datetime = NOON) -> Attempt:
        with self.database.writing() as session:
            tablet_entry.count_attempt(session, self.where(at), at=at)
        with self.database.writing() as session:
            return tablet_entry.identify(session, self.where(at), birth_date, at=at)

    def waits(self, at: datetime = NOON) -> bool:
        with self.database.reading() as session:
            return tablet_entry.is_waiting(session, self.where(at), at=at)


def start_on(database: Database, assessment: str, tablet: Tablet, by: StaffMember, *, at: datetime = NOON) -> str:
    with database.writing() as session:
        return handovers.start_on(session, assessment, tablet.device(at).public_id, by=by, at=at)


def make_code(database: Database, assessment: str, by: StaffMember, *, at: datetime = NOON) -> str:
    with database.writing() as session:
        return handovers.make_code(session, assessment, by=by, at=at).code
