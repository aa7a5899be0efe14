"""What waits for the desk: who is expected, who is answering, follow-ups, links, courses to finish."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom_server.core.enrolment import PatientRef
from prom_server.core.expected import ExpectedDay
from prom_server.core.messages import MessageLine
from prom_server.core.schedule import Status, Window

COUNTED_AT_MOST = 99  # "99+": so many rows of an index are read for a number, and no more


class NextStep(StrEnum):
    """What helps this assessment along, most urgent reason first."""

    UNLOCK = "unlock"  # wrong birth dates locked the links
    MAKE_LINK = "make_link"  # nobody can answer yet
    CALL = "call"  # overdue, or closing soon
    ADD_PHONE = "add_phone"  # the same, and no number is known
    NEW_LINK = "new_link"  # a link is out; another replaces it


class Show(StrEnum):
    """Which part of the follow-ups. What was declined on the telephone is listed under all only."""

    ALL = "all"
    OVERDUE = "overdue"
    DUE = "due"  # and not overdue
    CLOSING = "closing"


class Courses(StrEnum):
    """Of which courses."""

    ALL = "all"
    FIRST = "first"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which assessments that wait for answers. A `time_point` is a protocol's id of it."""

    show: Show = Show.ALL
    time_point: str | None = None
    courses: Courses = Courses.ALL
    declined: bool = True  # with those that were declined on the telephone


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
    items: int  # 0: not known
    declined: int  # parts
    declined_by_phone: bool  # the whole assessment
    link_made_at: datetime | None
    link_opened_at: datetime | None  # by a person, or by a mail scanner
    days_left: int  # 0 on the last day accepted
    days_overdue: int  # since the first overdue day; negative before it
    closing_soon: bool
    next_step: NextStep
    protocol_missing: bool = False  # its file is gone


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all that waits today, each counted up to COUNTED_AT_MOST + 1."""

    overdue: int
    due: int  # and not overdue
    closing: int


@dataclass(frozen=True, slots=True)
class TimePointChoice:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class FollowUps:
    rows: tuple[FollowUp, ...]
    after: str | None
    counts: Counts
    time_points: tuple[TimePointChoice, ...]  # that wait in this clinic


@dataclass(frozen=True, slots=True)
class Answering:
    """Somebody who is in the clinic and not done, or began at home within a day."""

    row: FollowUp
    arrived_at: datetime | None  # checked in today
    handed_to: str | None  # the tablet that waits for them; "" for a code
    mode: str | None  # how the last answers were given


@dataclass(frozen=True, slots=True)
class CourseToFinish:
    course_id: str
    patient: PatientRef
    number: int
    given: int
    planned: int | None  # None: not known, the protocol's file is gone
    last_on: date | None  # None: no infusion was given
    days_since: int | None


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
    answering: tuple[Answering, ...]  # in the clinic or begun, not completed
    expected: ExpectedDay
    unanswered: tuple[FollowUp, ...]  # a link is out for some days, and nobody began
    to_finish: tuple[CourseToFinish, ...]
    locked: tuple[LockedPatient, ...]
    short: tuple[ShortPart, ...] = ()
    undelivered: tuple[MessageLine, ...] = ()  # refused for good, or nobody knows
    late_tasks: tuple[str, ...] = ()  # that stand still: no reminder, no escalation comes
    flagged: int = 0  # just now: the alerts at the head of the page are no longer all
