"""A patient in an adaptive part, through the services: where it stands, and answers along the way."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from prom_server.core.instrument import Instrument
from prom_server.core.responses import Current
from prom_server.core.visit import PartState, Place
from prom_server.services import answering, battery, catalogue, visits
from prom_server.services.answering import Posted, Saved
from prom_server.store.assessments import Response
from prom_server.store.database import Database
from tests.support import clinic, recompute
from tests.support.clinic import BIRTH_DATE, NOON, Invited

PROTOCOL = "five-day-adaptive"
SKIP = None
WORST, BEST = 5, 1


def part_number() -> int:
    """The position of the first adaptive instrument of the battery."""
    found = [number for number, id_ in enumerate(catalogue.protocol(PROTOCOL).battery, 1) if is_adaptive(id_)]
    return found[0]


def position_of(instrument_id: str) -> int:
    return catalogue.protocol(PROTOCOL).battery.index(instrument_id) + 1


def is_adaptive(instrument_id: str) -> bool:
    return catalogue.instrument(instrument_id).adaptive is not None


@dataclass
class Answering:
    """One session of one patient."""

    database: Database
    token: str
    part: int

    @classmethod
    def begin(cls, database: Database, invited: Invited, *, at: datetime = NOON) -> "Answering":
        with database.writing() as session:
            visits.count_attempt(session, invited.token, at=at)
            token = visits.identify(session, invited.token, BIRTH_DATE, at=at).token
            assert token is not None
            answering.start(session, token, at=at)
        return cls(database, token, part_number())

    @property
    def state(self) -> PartState:
        with self.database.reading() as session:
            return battery.part_at(battery.load(session, visits.of_session(session, self.token, at=NOON)), self.part)

    @property
    def asks(self) -> str | None:
        """The item that is asked now; None after the end."""
        state = self.state
        return None if state.ended else state.items[state.place - 1].id

    @property
    def instrument(self) -> Instrument:
        return self.state.instrument

    def save(self, item: str, value: int | None, shown: int | None = None) -> Saved:
        """`shown` is the sequence of the page that is sent; the newest unless one is given."""
        shown = self.state.sequence if shown is None else shown
        with self.database.writing() as session:
            return answering.save(session, self.token, self.part, Posted(item, value, shown), at=NOON)

    def answer(self, *values: int | None) -> list[str]:
        """Answers what is asked, one after the other; the items."""
        asked = []
        for value in values:
            item = self.asks
            assert item is not None
            self.save(item, value)
            asked.append(item)
        return asked

    def answer_all(self, value: int) -> list[str]:
        asked = []
        while self.asks is not None:
            asked += self.answer(value)
        return asked

    def submit(self) -> Place:
        with self.database.writing() as session:
            return answering.submit(session, self.token, self.part, at=NOON)

    def stored(self) -> dict[str, Current]:
        with self.database.reading() as session:
            return recompute.current(session, self.state.id)

    def history(self) -> list[tuple[str, int | None]]:
        """Every response that was ever stored for the part, the superseded ones too."""
        with self.database.reading() as session:
            rows = session.execute(
                select(Response.item_id, Response.value)
                .where(Response.administration_id == self.state.id)
                .order_by(Response.sequence)
            )
            return [(row.item_id, row.value) for row in rows]


def invited(database: Database) -> Invited:
    """A patient of a demo clinic with an open baseline that has an adaptive part."""
    clinic.bind_definitions()
    with database.writing() as session:
        return clinic.invited(session, clinic.member(session, clinic.clinic(session)), protocol=PROTOCOL)
