"""What should happen and when: protocols, the plan of a course, the status of an assessment.

Facts are stored, status is computed. All day arithmetic is on the clinic's calendar: callers turn instants into local
dates first. Windows include both edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class TimePoint:
    """One assessment of a course, in days from its anchor. `closes` is the last day accepted."""

    id: str
    name: str
    short: str
    anchor: Anchor
    opens: int
    due: int
    overdue: int
    closes: int
    closes_at_first_infusion: bool = False


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
    content_hash: str = ""

    def time_point(self, time_point_id: str) -> TimePoint:
        return next(point for point in self.time_points if point.id == time_point_id)


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


def plan(protocol: Protocol, starts_on: date, given: Sequence[Given], *, finished: bool) -> tuple[Window, ...]:
    """The windows of a course as the facts stand: planned first day, infusions given (in order), finished or not.

    Before any infusion was given there are no follow-ups: a patient who was never infused is not followed up.
    A course finished without an infusion keeps only what counts from the planned first day.
    """
    anchors = _anchors(protocol, starts_on, given, finished=finished)
    return tuple(
        _window(point, anchors[point.anchor], given) for point in protocol.time_points if point.anchor in anchors
    )


def _anchors(protocol: Protocol, starts_on: date, given: Sequence[Given], *, finished: bool) -> dict[Anchor, date]:
    first = given[0].on if given else starts_on
    if not given:
        last_planned = first + timedelta(days=protocol.planned_infusions - 1)
        return {Anchor.FIRST_INFUSION: first} | ({} if finished else {Anchor.FINAL_INFUSION: last_planned})
    latest = given[-1].on
    to_come = 0 if finished else max(protocol.planned_infusions - len(given), 0)
    return {
        Anchor.FIRST_INFUSION: first,
        Anchor.FINAL_INFUSION: latest + timedelta(days=to_come),
        Anchor.LATEST_INFUSION: latest,
    }


def _window(point: TimePoint, anchor: date, given: Sequence[Given]) -> Window:
    def day(offset: int) -> date:
        return anchor + timedelta(days=offset)

    window = Window(point.id, day(point.opens), day(point.due), day(point.overdue), day(point.closes))
    if not point.closes_at_first_infusion:
        return window
    if given:
        return replace(window, closes_on=given[0].on, closed_at=given[0].at)
    return replace(window, closes_on=day(point.closes) + NOT_INFUSED_YET)


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
