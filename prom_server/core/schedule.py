"""What should happen and when: protocols, the plan of a course, the status of an assessment.

Facts are stored, status is computed. All day arithmetic is on the clinic's calendar: callers turn instants into local
dates first. Windows include both edges.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from prom_server.core.worsening import ProtocolAlert

# A first infusion that is put off closes nothing: what closes with it stays open so long after the planned day.
# (A decision of this project.)
NOT_INFUSED_YET = timedelta(days=30)

# No window of any protocol is longer, put off or not: what is open today opened within these days.
LONGEST_WINDOW = timedelta(days=200)


class Anchor(StrEnum):
    """The day a time point counts from."""

    FIRST_INFUSION = "first-infusion"  # the first given, or the planned one until then
    FINAL_INFUSION = "final-infusion"  # the day the series ends, as far as known today
    LATEST_INFUSION = "latest-infusion"  # the latest given; nothing is planned from it before one was
    START = "start"  # the planned first day of a protocol without infusions


@dataclass(frozen=True, slots=True)
class Offset:
    """So far from an anchor: calendar months first, then days. 31 August and 6 months is the last of February."""

    days: int
    months: int = 0

    def after(self, anchor: date) -> date:
        year, month = divmod(anchor.year * 12 + anchor.month - 1 + self.months, 12)
        day = min(anchor.day, monthrange(year, month + 1)[1])
        return date(year, month + 1, day) + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class TimePoint:
    """One assessment of a course, counted from its anchor. `closes` is the last day accepted."""

    id: str
    name: str
    short: str
    anchor: Anchor
    opens: Offset
    due: Offset
    overdue: Offset
    closes: Offset
    closes_at_first_infusion: bool = False

    def window(self, anchor: date) -> "Window":
        """As the file says, for an anchor on this day."""
        return Window(
            self.id,
            self.opens.after(anchor),
            self.due.after(anchor),
            self.overdue.after(anchor),
            self.closes.after(anchor),
        )


@dataclass(frozen=True, slots=True)
class Reminders:
    """When a patient is reminded of an assessment, as long as it can be answered and is not complete."""

    at_opening: bool = True
    after_due: tuple[int, ...] = (0, 3, 7, 14, 21)  # days after the due day


@dataclass(frozen=True, slots=True)
class Protocol:
    id: str
    revision: int
    name: str
    planned_infusions: int
    battery: tuple[str, ...]  # instrument ids, in order
    time_points: tuple[TimePoint, ...]
    source: str
    items_per_screen: int = 1  # at most, on a large tablet of the clinic
    reminders: Reminders = Reminders()
    infusion_offsets: tuple[int, ...] = ()  # days of the planned infusions from the first, which has 0
    alerts: tuple[ProtocolAlert, ...] = ()
    content_hash: str = ""
    missing: ClassVar[bool] = False

    def time_point(self, time_point_id: str) -> TimePoint:
        return next(point for point in self.time_points if point.id == time_point_id)


@dataclass(frozen=True, slots=True)
class MissingProtocol(Protocol):
    """Stands on lists for one whose file is gone: its time points are known by id, its items and its plan are not."""

    missing: ClassVar[bool] = True

    def time_point(self, time_point_id: str) -> TimePoint:
        unknown = Offset(0)
        return TimePoint(time_point_id, time_point_id, time_point_id, Anchor.START, unknown, unknown, unknown, unknown)


@dataclass(frozen=True, slots=True)
class Window:
    """The facts of one planned assessment. `closed_at` closes it at an instant, before `closes_on` is over."""

    time_point: str
    opens_on: date
    due_on: date
    overdue_on: date
    closes_on: date
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """An infusion that was given: when, and on which day in the clinic's time zone."""

    at: datetime
    on: date


def plan(
    protocol: Protocol,
    starts_on: date,
    given: Sequence[Given],
    *,
    to_come: Sequence[date],
    finished_on: date | None = None,
) -> tuple[Window, ...]:
    """The windows of a course as the facts stand: planned first day, infusions given (in order), days still planned.

    Before any infusion was given there are no follow-ups: a patient who was never infused is not followed up.
    Of a course that was finished without an infusion only what had closed by then is planned; of one that has no
    infusions, what opened before it was finished.
    """
    days = anchors(starts_on, given, to_come)
    points = [point for point in protocol.time_points if point.anchor in days]
    windows = [(point, _window(point, days[point.anchor], given)) for point in points]
    return tuple(
        window for point, window in windows if finished_on is None or _stays(point, window, given, finished_on)
    )


def _stays(point: TimePoint, window: Window, given: Sequence[Given], finished_on: date) -> bool:
    """Whether something is still planned once its course is finished. Follow-ups of infusions are."""
    if point.anchor is Anchor.START:
        return window.opens_on <= finished_on
    return bool(given) or window.closes_on < finished_on


def anchors(starts_on: date, given: Sequence[Given], to_come: Sequence[date]) -> dict[Anchor, date]:
    """The day of each anchor as the facts stand; one that nothing can be planned from yet is not there."""
    days = {Anchor.START: starts_on, Anchor.FIRST_INFUSION: given[0].on if given else starts_on}
    if given:
        days[Anchor.LATEST_INFUSION] = given[-1].on
    if (final := _final(given, to_come)) is not None:
        days[Anchor.FINAL_INFUSION] = final
    return days


def _final(given: Sequence[Given], to_come: Sequence[date]) -> date | None:
    """The day of the last infusion. A planned day that passed without one is presumed to be made up at the end."""
    if not given:
        return max(to_come, default=None)
    latest = given[-1].on
    passed = sum(day <= latest for day in to_come)
    return max([latest, *to_come]) + timedelta(days=passed)


def _window(point: TimePoint, anchor: date, given: Sequence[Given]) -> Window:
    window = point.window(anchor)
    if not point.closes_at_first_infusion:
        return window
    if given:
        return replace(window, closes_on=given[0].on, closed_at=given[0].at)
    return replace(window, closes_on=window.closes_on + NOT_INFUSED_YET)


class Status(StrEnum):
    """Of an assessment, computed and never stored."""

    SCHEDULED = "scheduled"
    OPEN = "open"
    DUE = "due"
    OVERDUE = "overdue"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    PARTIALLY_COMPLETED = "partially_completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored of an assessment; `submitted` counts its submitted administrations."""

    window: Window
    started_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    submitted: int


def status_at(facts: Facts, at: datetime, today: date) -> Status:
    """The status at the instant `at`, which falls on `today` in the clinic's time zone."""
    window = facts.window
    if facts.cancelled_at is not None:
        return Status.CANCELLED
    if facts.completed_at is not None:
        return Status.COMPLETED
    if has_closed(window, at, today):
        return Status.PARTIALLY_COMPLETED if facts.submitted else Status.EXPIRED
    if today >= window.overdue_on:
        return Status.OVERDUE
    if facts.started_at is not None:
        return Status.IN_PROGRESS
    if today >= window.due_on:
        return Status.DUE
    if today >= window.opens_on:
        return Status.OPEN
    return Status.SCHEDULED


def has_closed(window: Window, at: datetime, today: date) -> bool:
    return today > window.closes_on or (window.closed_at is not None and at >= window.closed_at)


def accepts_answers(facts: Facts, at: datetime, today: date) -> bool:
    """Whether a patient may answer now: the window is open and nothing ended it."""
    return status_at(facts, at, today) in {Status.OPEN, Status.DUE, Status.OVERDUE, Status.IN_PROGRESS}


def next_began_at(course: int, first_infusions: Mapping[int, datetime]) -> datetime | None:
    """When the next course of the patient began; `first_infusions` by course number, where there was one."""
    return first_infusions.get(min((number for number in first_infusions if number > course), default=-1))


def after_next_course(answered_at: datetime, next_began_at: datetime | None) -> bool:
    """Whether an answer of one course was given after the first infusion of the next had started."""
    return next_began_at is not None and answered_at >= next_began_at
