"""Who is on call for alerts, from when until when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from prom_server.core.alert_care import Colleague
from prom_server.core.opening_hours import OpeningHours
from prom_server.core.refusals import Refused

LONGEST_DUTY = timedelta(days=62)  # a longer one is a slip of the pen, or nobody's


class DutyBackwards(Refused):
    """It ends before it begins."""


class DutyOver(Refused):
    """It is in the past, where nobody can be called any more."""


class DutyTooLong(Refused):
    """Longer than any duty."""


@dataclass(frozen=True, slots=True)
class DutyView:
    public_id: str
    name: str
    begins_at: datetime
    until: datetime
    now: bool
    reached: bool  # by messages about alerts


@dataclass(frozen=True, slots=True)
class OnCallPage:
    """Duties that are not over, the first to begin first."""

    duties: tuple[DutyView, ...]
    colleagues: tuple[Colleague, ...]
    around_the_clock: bool  # the clinic chose that somebody on call is told while it is closed
    covered_until: datetime | None  # without a gap from now on; None: nobody is on call now
    hours: OpeningHours


def check(begins_at: datetime, until: datetime, at: datetime) -> None:
    """Raises DutyBackwards, DutyOver, DutyTooLong."""
    if until <= begins_at:
        raise DutyBackwards("until")
    if until <= at:
        raise DutyOver("until")
    if until - begins_at > LONGEST_DUTY:
        raise DutyTooLong("until")


def covered_until(duties: tuple[DutyView, ...], at: datetime) -> datetime | None:
    """Until when somebody whom messages reach is on call, one after the other, from `at` on. None: nobody is now."""
    reached = at
    for duty in sorted(duties, key=lambda each: each.begins_at):
        if duty.reached and duty.begins_at <= reached:
            reached = max(reached, duty.until)
    return reached if reached > at else None
