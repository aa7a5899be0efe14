"""How long alerts waited: from raised to seen, acknowledged and resolved, by the clock and within opening hours.

Flags are left out: they wait for the next contact by their nature.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from prom_server.core.opening_hours import OpeningHours
from prom_server.core.refusals import Refused

LONGEST_PERIOD = timedelta(days=732)  # of one page or file


class ImplausiblePeriod(Refused):
    """It ends before it begins, or is longer than two years."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days of the clinic's calendar, both included."""

    first: date
    last: date


def period(first: date, last: date) -> Period:
    """Raises ImplausiblePeriod."""
    if not timedelta() <= last - first <= LONGEST_PERIOD:
        raise ImplausiblePeriod("period")
    return Period(first, last)


@dataclass(frozen=True, slots=True)
class AlertTimes:
    """One alert, without the patient. Each step is the first of its kind, but `resolved_at` the last.

    Whoever acknowledges or resolves it from a list has seen it.
    """

    public_id: str
    instrument: str
    rule: str
    mode: str
    raised_at: datetime
    seen_at: datetime | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    escalations: int


@dataclass(frozen=True, slots=True)
class Wait:
    """From raised to one step."""

    by_clock: timedelta
    open: timedelta


@dataclass(frozen=True, slots=True)
class AlertWaits:
    times: AlertTimes
    seen: Wait | None
    acknowledged: Wait | None
    resolved: Wait | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the `n` of `of` alerts that came to a step; the others waited longer than can be said."""

    n: int
    of: int
    median: Wait | None
    p90: Wait | None  # nearest rank: so many of a hundred waited no longer


@dataclass(frozen=True, slots=True)
class Latency:
    period: Period
    alerts: tuple[AlertWaits, ...]  # the newest first
    seen: Summary
    acknowledged: Summary
    resolved: Summary
    escalated: int  # alerts that nobody acknowledged in time
    more: bool  # alerts that are in the numbers and the file, but not listed


def waits(times: AlertTimes, hours: OpeningHours) -> AlertWaits:
    def wait(until: datetime | None) -> Wait | None:
        if until is None:
            return None
        return Wait(until - times.raised_at, hours.open_between(times.raised_at, until))

    return AlertWaits(times, wait(times.seen_at), wait(times.acknowledged_at), wait(times.resolved_at))


def latency(of: Period, alerts: Sequence[AlertWaits], *, listed: int) -> Latency:
    """The numbers count all of them; the first `listed` are shown."""
    return Latency(
        period=of,
        alerts=tuple(alerts[:listed]),
        seen=_summary([each.seen for each in alerts]),
        acknowledged=_summary([each.acknowledged for each in alerts]),
        resolved=_summary([each.resolved for each in alerts]),
        escalated=sum(each.times.escalations > 0 for each in alerts),
        more=len(alerts) > listed,
    )


def _summary(found: Sequence[Wait | None]) -> Summary:
    reached = [each for each in found if each is not None]
    if not reached:
        return Summary(0, len(found), None, None)
    by_clock, open_ = sorted(each.by_clock for each in reached), sorted(each.open for each in reached)
    middle = Wait(median(by_clock), median(open_))  # type: ignore[type-var]  # a timedelta halves and sorts
    rank = math.ceil(0.9 * len(reached)) - 1
    return Summary(len(reached), len(found), middle, Wait(by_clock[rank], open_[rank]))
