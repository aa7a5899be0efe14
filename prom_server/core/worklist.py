"""What waits for the desk: follow-ups, courses to finish, links that locked."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom_server.core.enrolment import PatientRef
from prom_server.core.schedule import Status, Window

COUNTED_AT_MOST = 999


class NextStep(StrEnum):
    """What helps this assessment along, most urgent reason first."""

    UNLOCK = "unlock"  # wrong birth dates locked the links
    MAKE_LINK = "make_link"  # nobody can answer yet
    CALL = "call"  # overdue, or closing soon
    ADD_PHONE = "add_phone"  # the same, and no number is known
    NEW_LINK = "new_link"  # a link is out; another replaces it


class Show(StrEnum):
    """Which part of the follow-ups."""

    ALL = "all"
    CLOSING = "closing"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class FollowUp:
    assessment_id: str
    course_id: str
    course_number: int
    patient: PatientRef
    phone: str | None
    name: str  # of the time point
    status: Status
    window: Window
    answered: int
    items: int
    declined: int  # parts
    link_made_at: datetime | None
    days_left: int  # 0 on the last day accepted
    days_overdue: int  # since the first overdue day; negative before it
    closing_soon: bool
    next_step: NextStep


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all that is open today, counted up to COUNTED_AT_MOST."""

    overdue: int
    due: int
    closing: int
    more: bool


@dataclass(frozen=True, slots=True)
class FollowUps:
    rows: tuple[FollowUp, ...]
    after: str | None
    counts: Counts | None


@dataclass(frozen=True, slots=True)
class CourseToFinish:
    course_id: str
    patient: PatientRef
    number: int
    given: int
    planned: int
    last_on: date
    days_since: int


@dataclass(frozen=True, slots=True)
class LockedPatient:
    patient: PatientRef
    locked_at: datetime


@dataclass(frozen=True, slots=True)
class ShortPart:
    """A part sent today with an item or two skipped, for which a score is missing or estimated."""

    administration_id: str
    patient: PatientRef
    name: str  # of the time point
    instrument: str
    mode: str
    short: int  # items


@dataclass(frozen=True, slots=True)
class Today:
    follow_ups: FollowUps
    answering: tuple[FollowUp, ...]  # begun, not completed
    to_finish: tuple[CourseToFinish, ...]
    locked: tuple[LockedPatient, ...]
    short: tuple[ShortPart, ...] = ()
