"""Calls to patients about what they have not answered: who is rung next, what came of it, when they are rung again.

A patient is rung once a day at most, unless they asked for more. (A decision of this project; that overdue assessments
are on the call list is the clinical rules'.)
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from prom_server.core.courses import AssessmentView
from prom_server.core.enrolment import PatientRef
from prom_server.core.opening_hours import OpeningHours
from prom_server.core.refusals import Refused

RINGS_FOR = timedelta(minutes=15)  # then somebody else may take the call
LINK_RESTS = 3  # days that a patient who wants to answer online is left in peace


class Outcome(StrEnum):
    DONE = "done"  # answered on the telephone, from now on
    NO_ANSWER = "no_answer"
    LEFT_MESSAGE = "left_message"
    ONLINE = "online"  # will do it; a link is sent
    CALL_BACK = "call_back"  # at a time that the patient named
    DECLINED = "declined"
    WRONG_NUMBER = "wrong_number"


NOT_REACHED = frozenset({Outcome.NO_ANSWER, Outcome.LEFT_MESSAGE})


class NobodyToRing(Refused):
    """Nothing is to be answered now, or the patient does not want to."""


class RingingElsewhere(Refused):
    """Somebody else is ringing this patient."""


class RungMeanwhile(Refused):
    """A call was recorded since the page was made."""


class MessageNotAllowed(Refused):
    """The patient does not want messages to be left, or was never asked."""


class CallBackOutside(Refused):
    """In the past, or after the last day accepted."""


class ReasonNeeded(Refused):
    """Why does the patient decline?"""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a call, as it was entered. `seen` is how many calls the page showed, `number` the one it offered."""

    outcome: Outcome
    seen: int
    note: str | None = None  # with a decline the reason
    call_back_at: datetime | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Ringing:
    name: str
    since: datetime
    mine: bool


@dataclass(frozen=True, slots=True)
class CallLine:
    """One call. `again_at` is when the patient is rung next at the earliest."""

    at: datetime
    by: str
    outcome: Outcome
    note: str | None
    again_at: datetime | None


@dataclass(frozen=True, slots=True)
class ToRing:
    """Somebody on the call list."""

    assessment_id: str
    patient: PatientRef
    phone: str | None
    name: str  # of the time point
    course_number: int
    closes_on: date
    days_left: int  # 0 on the last day accepted
    best_time: str | None
    attempts: int
    last_at: datetime | None
    call_back_at: datetime | None
    ringing: Ringing | None
    protocol_missing: bool = False  # its file is gone


@dataclass(frozen=True, slots=True)
class CallList:
    rows: tuple[ToRing, ...]
    after: str | None
    mine: ToRing | None = None  # whom the person who looks is ringing


@dataclass(frozen=True, slots=True)
class CallPage:
    """Everything that whoever rings needs to know, about one person."""

    patient: PatientRef
    birth_date: date
    phone: str | None
    best_time: str | None
    may_leave_message: bool | None  # None: not asked
    language: str
    reminders_off: bool
    locked: bool  # links, after wrong birth dates
    course_id: str
    course_number: int
    assessment: AssessmentView
    days_left: int
    call_back_at: datetime | None
    declined_at: datetime | None
    declined_reason: str | None
    calls: tuple[CallLine, ...]  # about this assessment, the newest first
    reached_by: str | None  # the kind of channel that a link goes to
    why_not: str | None  # a code, where there is none
    ringing: Ringing | None
    may_ring: bool  # answers are accepted, and the patient has not declined


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of recording a call."""

    link_to: str | None = None  # the kind of channel that a link goes to
    why_not: str | None = None  # no link could be sent


def again_at(outcome: Outcome, at: datetime, hours: OpeningHours) -> datetime | None:
    """When the patient is rung again at the earliest: an opening of the clinic. None: whenever there is a new number.

    A time that the patient named is taken as it is, by the caller.
    """
    if outcome is Outcome.WRONG_NUMBER:
        return None
    zone = ZoneInfo(hours.zone)
    days = LINK_RESTS if outcome is Outcome.ONLINE else 1
    midnight = datetime.combine(at.astimezone(zone).date() + timedelta(days=days), time(), zone)
    return hours.next_opening(midnight)


def wish(said: Outcome, asked_for: datetime | None, next_at: datetime | None) -> datetime | None:
    """When the patient wants to be rung, after this call. A wish stands until somebody spoke with the patient."""
    if said is Outcome.CALL_BACK:
        return next_at
    if asked_for is not None and said in NOT_REACHED and next_at is not None:
        return max(asked_for, next_at)
    return asked_for if said is Outcome.WRONG_NUMBER else None


def check(said: Said, may_leave_message: bool | None, at: datetime, last_day: date, zone: str) -> None:
    """Raises MessageNotAllowed, CallBackOutside, ReasonNeeded."""
    if said.outcome is Outcome.LEFT_MESSAGE and not may_leave_message:
        raise MessageNotAllowed("no")
    if said.outcome is Outcome.DECLINED and not said.note:
        raise ReasonNeeded("why")
    if said.outcome is Outcome.CALL_BACK:
        when = said.call_back_at
        if when is None or when <= at or when.astimezone(ZoneInfo(zone)).date() > last_day:
            raise CallBackOutside("when")
