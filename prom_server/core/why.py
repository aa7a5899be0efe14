"""Why an assessment stands where it stands: its facts, its reminders, and everything that touched it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom_server.core.calls import CallLine
from prom_server.core.courses import AssessmentView
from prom_server.core.enrolment import PatientRef
from prom_server.core.messages import MessageLine
from prom_server.core.satisfying import Serving
from prom_server.core.schedule import Anchor


class ReminderState(StrEnum):
    """What became of one planned reminder."""

    MESSAGE = "message"  # a message covers it; what became of that, the message says
    PASSED_OVER = "passed_over"  # no message, for a reason
    TO_COME = "to_come"
    WAITING = "waiting"  # its day came; it goes out on the next morning of an opening day
    OVERTAKEN = "overtaken"  # a later one of the same assessment goes out in its place
    NOT_NEEDED = "not_needed"  # answered, cancelled, declined or closed before its turn


@dataclass(frozen=True, slots=True)
class ReminderLine:
    """One reminder of the protocol: `nth` days after the due day, or when the assessment opens."""

    kind: str  # opens, due
    nth: int
    on: date
    state: ReminderState
    passed_over: str | None = None  # why there is no message: a code
    message: MessageLine | None = None


@dataclass(frozen=True, slots=True)
class LinkLine:
    """A private link that was made."""

    made_at: datetime
    made_by: str | None  # None: for a reminder
    opened_at: datetime | None
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class Touch:
    """One line of the audit trail about this assessment. `by` is None for the patient and for the program itself."""

    at: datetime
    action: str
    actor: str
    by: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Where the dates come from: a day and the protocol's offsets from it."""

    protocol: str
    revision: int
    anchor: Anchor
    anchor_on: date | None  # None: nothing is planned from it as the course stands


@dataclass(frozen=True, slots=True)
class Why:
    """Everything on the page of one assessment."""

    patient: PatientRef
    course_id: str
    course_number: int
    assessment: AssessmentView
    reckoning: Reckoning
    started_at: datetime | None
    cancelled_at: datetime | None
    declined_at: datetime | None
    declined_reason: str | None
    reopened_at: datetime | None
    reopened_reason: str | None
    reminders: tuple[ReminderLine, ...]
    why_not: str | None  # no reminder can go out as the patient is reached now: a code
    other_messages: tuple[MessageLine, ...]  # links that staff sent
    links: tuple[LinkLine, ...]
    calls: tuple[CallLine, ...]  # the newest first
    trail: tuple[Touch, ...]  # the newest first
    answers_saved: int  # each a line of the audit too, counted here
    offered: tuple[Serving, ...] = ()  # answers to another assessment that could stand for parts of it
    linked: tuple[Serving, ...] = ()  # and that do


def reminder_states(days: Sequence[date], today: date, *, waits: bool) -> tuple[ReminderState, ...]:
    """Of those that nothing covers, in order. `waits`: the assessment wants answers and may remind of itself.

    Of several whose day came only the latest goes out.
    """
    if not waits:
        return tuple(ReminderState.NOT_NEEDED for _ in days)
    latest = max((day for day in days if day <= today), default=None)
    return tuple(_state(day, today, latest) for day in days)


def _state(day: date, today: date, latest: date | None) -> ReminderState:
    if day > today:
        return ReminderState.TO_COME
    return ReminderState.WAITING if day == latest else ReminderState.OVERTAKEN
