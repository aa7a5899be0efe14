"""Administrations of one patient, and the mark "entered in error"."""

from dataclasses import dataclass
from datetime import date, datetime

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused
from prom_server.core.schedule import Status, Window


class AlreadyMarked(Refused):
    """It was marked as entered in error before."""


class ReasonNeeded(Refused):
    """A mark without a reason explains nothing later."""


class NotInError(Refused):
    """It counts: only what was marked as entered in error is given to another patient."""


class NoPlaceFor(Refused):
    """The assessment does not take it: over, not open yet, or answered meanwhile."""


@dataclass(frozen=True, slots=True)
class AdministrationLine:
    public_id: str
    instrument: str
    revision: int
    assessment: str
    course_id: str
    course_number: int
    started_at: datetime
    submitted_at: datetime | None
    sent_before_at: datetime | None  # before it was asked again
    answered: int
    items: int
    mode: str
    language: str
    device_class: str | None
    respondent: str
    relation: str | None
    assisted_by: str | None
    entered_by: str | None  # who of the staff
    written_on: date | None
    declined_at: datetime | None
    in_error_at: datetime | None
    in_error_by: str | None
    in_error_reason: str | None
    open_alert_id: str | None


@dataclass(frozen=True, slots=True)
class Administrations:
    patient: PatientRef
    rows: tuple[AdministrationLine, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """An assessment that lacks the instrument."""

    public_id: str
    name: str
    course_number: int
    window: Window
    status: Status


@dataclass(frozen=True, slots=True)
class Reassigning:
    """From whom, to whom, and where to: nothing chosen yet, one after the other."""

    patient: PatientRef
    places: tuple[Place, ...]
    to: PatientRef | None = None

    def place(self, public_id: str) -> Place | None:
        return next((each for each in self.places if each.public_id == public_id), None)
