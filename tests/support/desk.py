"""Patients of one clinic who answer the first instrument of their battery, through the services."""

from sqlalchemy import select

from prom_server.services import answering, visit_pages, visits
from prom_server.services.answering import Posted
from prom_server.store.assessments import Administration, RecordedScore
from prom_server.store.database import Database
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON

ANSWERS: list[int | None] = [1, 1, 1, 1, 1, 0, 0]  # 5: "mild" in the GAD-7, "minimal" in `definitions.SECOND`


class Desk:
    """Bob of a demo clinic, who invites one patient after another."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.patients: list[str] = []
        with database.writing() as session:
            self.by = clinic.member(session, clinic.clinic(session))

    def begun(self) -> str:
        """The session token of another patient, who has begun."""
        with self.database.writing() as session:
            latest = clinic.invited(session, self.by, number=len(self.patients) + 1)
            visits.count_attempt(session, latest.token, at=NOON)
            token = visits.identify(session, latest.token, BIRTH_DATE, at=NOON).token
            assert token is not None
            answering.start(session, token, at=NOON)
        self.patients.append(latest.patient)
        return token

    def answer(self, token: str, values: list[int | None], first: int = 1) -> None:
        for number, value in enumerate(values, first):
            with self.database.writing() as session:
                step = visit_pages.step(session, token, 1, number, at=NOON)
                answering.save(session, token, 1, Posted(step.item.id, value, step.sequence), at=NOON)

    def submit(self, token: str) -> RecordedScore:
        with self.database.writing() as session:
            answering.submit(session, token, 1, at=NOON)
            return session.scalars(select(RecordedScore).order_by(RecordedScore.id.desc()).limit(1)).one()

    def labels(self, token: str, number: int = 1) -> list[str]:
        with self.database.reading() as session:
            item = visit_pages.step(session, token, 1, number, at=NOON).item
            return [option.label for option in item.options]

    def text(self, token: str, number: int = 1) -> str:
        with self.database.reading() as session:
            return visit_pages.step(session, token, 1, number, at=NOON).text

    def pins(self) -> list[tuple[int, str, str | None]]:
        with self.database.reading() as session:
            rows = session.scalars(select(Administration).order_by(Administration.id))
            return [(row.instrument_revision, row.content_hash, row.supplement_hash) for row in rows]
