"""Who is expected at the clinic on a day, and who has come."""

from dataclasses import dataclass
from datetime import date, datetime

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused


class NotExpected(Refused):
    """The patient withdrew or has died: nobody is expected any more."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The assessment that this patient should answer now: what closes first."""

    assessment_id: str
    name: str
    answered: int
    items: int


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    patient: PatientRef
    time: str | None  # "09:30", on the clinic's clock
    reason: str | None  # as the day list says
    infusion: int | None  # the nth planned one
    infusions: int | None  # of so many
    checked_in_at: datetime | None
    waits: Waits | None


@dataclass(frozen=True, slots=True)
class ExpectedDay:
    """Those who are still to come first, by time; then those who are here."""

    on: date
    rows: tuple[ExpectedLine, ...]
    more: bool  # there are others

    @property
    def to_come(self) -> tuple[ExpectedLine, ...]:
        return tuple(each for each in self.rows if each.checked_in_at is None)

    @property
    def here(self) -> tuple[ExpectedLine, ...]:
        return tuple(each for each in self.rows if each.checked_in_at is not None)
