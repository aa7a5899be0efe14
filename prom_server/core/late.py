"""Answers after an assessment has closed: staff may open it again, until a day that they choose."""

from dataclasses import dataclass
from datetime import date, timedelta

from prom_server.core.courses import CLOSED
from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused
from prom_server.core.schedule import Status, TimePoint

USUAL = timedelta(days=14)  # from today; these two are decisions of this project
MOST = timedelta(days=30)


class NotClosed(Refused):
    """It takes answers still, is complete, or was cancelled."""


class InfusedSince(Refused):
    """A baseline, and the infusion that it comes before was given."""


class NextOneOpen(Refused):
    """Answers of today would belong to the next assessment, which is open or opens tomorrow."""


class ImplausibleUntil(Refused):
    """Before today, or after the latest day."""


class WhyReopenNeeded(Refused):
    """Why is it opened again?"""


@dataclass(frozen=True, slots=True)
class ReopenPage:
    """An assessment that closed, and until when it can be opened again."""

    assessment_id: str
    name: str
    course_id: str
    course_number: int
    patient: PatientRef
    closed_on: date  # the last day accepted
    status: Status
    until: date  # usually
    latest: date


def latest_day(today: date, next_opens_on: date | None) -> date:
    """The last day until which it can be opened again. `next_opens_on`: of the next one that counts from its anchor.

    Windows of one anchor never overlap, reopened or not. Raises NextOneOpen.
    """
    latest = today + MOST
    if next_opens_on is not None:
        latest = min(latest, next_opens_on - timedelta(days=1))
    if latest < today:
        raise NextOneOpen("open")
    return latest


def check(point: TimePoint, status: Status, *, infused: bool) -> None:
    """Raises NotClosed, InfusedSince."""
    if status not in CLOSED:
        raise NotClosed(status)
    if point.closes_at_first_infusion and infused:
        raise InfusedSince(point.id)
