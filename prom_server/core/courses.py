"""A course as staff see it: infusions, assessments with their status, and what may be refused."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from prom_server.core.enrolment import PatientRef
from prom_server.core.infusions import DayCounts, InfusionDayView, InfusionView, counts
from prom_server.core.refusals import Refused
from prom_server.core.schedule import Status, Window

CLOSING_SOON = 7  # days before the last day accepted
BEFORE_START = timedelta(days=30)  # an infusion may come this much before the planned first day
QUIET_DAYS = 3  # without an infusion, and a course asks to be finished


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

    @property
    def accepts_link(self) -> bool:
        """Whether a link makes sense: it can be answered now, or will be."""
        return self.status in LINKABLE


LINKABLE = frozenset({Status.SCHEDULED, Status.OPEN, Status.DUE, Status.OVERDUE, Status.IN_PROGRESS})
WAITING = frozenset({Status.OPEN, Status.DUE, Status.OVERDUE, Status.IN_PROGRESS})


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
        """No infusion for three days though more were planned, or all were given."""
        if self.finished_at is not None or not self.given:
            return False
        return len(self.given) >= self.planned_infusions or (self.today - self.given[-1].on).days >= QUIET_DAYS

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
