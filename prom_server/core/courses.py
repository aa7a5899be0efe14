"""A course as staff see it: infusions, assessments with their status, and what may be refused."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from prom_server.core.enrolment import PatientRef
from prom_server.core.infusions import DayCounts, InfusionDayView, InfusionView, counts
from prom_server.core.refusals import Refused
from prom_server.core.schedule import Protocol, Status, Window

CLOSING_SOON = 7  # days before the last day accepted
LONGEST_MONTH = 31
BEFORE_START = timedelta(days=30)  # an infusion may come this much before the planned first day
QUIET_DAYS = 3  # after the day on which an infusion would have come, and a course asks to be finished


class LicenceMissing(Refused):
    """The clinic may not use some instruments of the protocol yet; `instruments` are their names."""

    def __init__(self, instruments: tuple[str, ...]) -> None:
        super().__init__(", ".join(instruments))
        self.instruments = instruments


class CourseStillOpen(Refused):
    """The patient's last course was not finished."""


class CourseFinished(Refused):
    """The infusions of this course were declared finished."""


class NotTheLastCourse(Refused):
    """A later course began: this one cannot be taken up again."""


class ImplausibleStart(Refused):
    """A planned first day more than a year away, or before an earlier course's last infusion."""


class StopReasonNeeded(Refused):
    """Stopped early: why?"""


class InfusionInFuture(Refused):
    """It has not been given yet."""


class InfusionTooEarly(Refused):
    """Long before the planned first day, or before an earlier course's last infusion."""


class InfusionSameDay(Refused):
    """One is recorded for that day already."""


class WithoutInfusions(Refused):
    """The protocol of this course plans none."""


class FinishReason(StrEnum):
    COMPLETED = "completed"
    STOPPED_EARLY = "stopped_early"


CANCELLED = "cancelled"  # in the place of a reason to finish: entered wrongly or never begun, nothing was given


@dataclass(frozen=True, slots=True)
class AssessmentView:
    """One assessment with the status of this moment."""

    public_id: str
    name: str
    short: str
    window: Window
    status: Status
    answered: int
    items: int
    declined: int  # parts that the patient would rather not answer
    completed_at: datetime | None
    after_next_course: bool = False  # completed after the first infusion of the next course
    offered: int = 0  # parts that answers to another assessment could stand for
    elsewhere: int = 0  # parts that were answered for another assessment
    reopened_at: datetime | None = None  # by staff, after it had closed

    @property
    def answered_late(self) -> bool:
        """Completed outside its window, because staff had opened it again."""
        return self.reopened_at is not None and self.completed_at is not None and self.completed_at >= self.reopened_at

    @property
    def may_reopen(self) -> bool:
        """Whether staff can open it again: it closed by its day, not with an infusion."""
        return self.status in CLOSED and self.window.closed_at is None

    @property
    def accepts_link(self) -> bool:
        """Whether a link makes sense: it can be answered now, or will be."""
        return self.status in LINKABLE


LINKABLE = frozenset({Status.SCHEDULED, Status.OPEN, Status.DUE, Status.OVERDUE, Status.IN_PROGRESS})
CLOSED = frozenset({Status.PARTIALLY_COMPLETED, Status.EXPIRED})
WAITING = frozenset({Status.OPEN, Status.DUE, Status.OVERDUE, Status.IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Quiet:
    """In days: when a course asks to be finished although not all was given."""

    after_infusion: int
    after_start: int  # where nothing was given


def quiet(protocol: Protocol) -> Quiet:
    """After the widest gap between two infusions; without any after the last planned day, or the last window."""
    if protocol.missing:
        return Quiet(QUIET_DAYS, QUIET_DAYS)
    offsets = protocol.infusion_offsets
    if not offsets:
        closes = (point.closes for point in protocol.time_points)
        return Quiet(0, 1 + max(each.days + LONGEST_MONTH * each.months for each in closes))
    gap = max((later - earlier for earlier, later in pairwise(offsets)), default=1)
    return Quiet(QUIET_DAYS + gap - 1, QUIET_DAYS + offsets[-1])


@dataclass(frozen=True, slots=True)
class CourseView:
    public_id: str
    patient: PatientRef
    number: int
    protocol: str
    planned_infusions: int
    starts_on: date
    finished_at: datetime | None
    finish_reason: str | None
    finish_note: str | None
    infusions: tuple[InfusionView, ...]
    assessments: tuple[AssessmentView, ...]
    today: date
    quiet: Quiet
    days: tuple[InfusionDayView, ...] = ()

    @property
    def counts(self) -> DayCounts:
        return counts(self.days, len(self.given), self.planned_infusions, self.today)

    @property
    def loose(self) -> tuple[InfusionView, ...]:
        """Infusions that stand on no planned day: entered in error, or of a course without such days."""
        on_days = {each.infusion.public_id for each in self.days if each.infusion is not None}
        return tuple(each for each in self.infusions if each.public_id not in on_days)

    @property
    def given(self) -> tuple[InfusionView, ...]:
        return tuple(each for each in self.infusions if not each.in_error)

    @property
    def asks_to_be_finished(self) -> bool:
        """All were given, or none came when one was planned, or the last window of a course without any is over."""
        if self.finished_at is not None:
            return False
        if not self.given:
            return (self.today - self.starts_on).days >= self.quiet.after_start
        enough = len(self.given) >= self.planned_infusions
        return enough or (self.today - self.given[-1].on).days >= self.quiet.after_infusion

    @property
    def days_since_last(self) -> int | None:
        return (self.today - self.given[-1].on).days if self.given else None

    @property
    def next_waiting(self) -> AssessmentView | None:
        """The one to answer now, or the next to come."""
        open_now = [each for each in self.assessments if each.status in WAITING]
        to_come = [each for each in self.assessments if each.status is Status.SCHEDULED]
        ordered = sorted(open_now, key=lambda each: each.window.closes_on) + sorted(
            to_come, key=lambda each: each.window.opens_on
        )
        return ordered[0] if ordered else None


@dataclass(frozen=True, slots=True)
class ProtocolChoice:
    id: str
    revision: int
    name: str
    planned_infusions: int
    time_points: tuple[str, ...]
    instruments: tuple[str, ...]
    missing: tuple[str, ...]  # instruments that the clinic may not use yet
