"""Schedules around the moments at which calendars surprise, walked instant by instant against plain day counting.

A schedule is a protocol, a time zone and an infusion given at an instant near a change of the clocks, a leap day, the
end of a month or midnight. Each of its assessments must be scheduled, open, due, overdue and expired once each, in this
order, and change on the right day of the local calendar: neither a second earlier nor later.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from prom_server.core.permissions import ClinicFacts
from prom_server.core.schedule import (
    Facts,
    Given,
    Offset,
    Protocol,
    Status,
    Window,
    plan,
    status_at,
)
from prom_server.services import finding

FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
IN_ORDER = [Status.SCHEDULED, Status.OPEN, Status.DUE, Status.OVERDUE, Status.EXPIRED]


@dataclass(frozen=True)
class Schedule:
    protocol: Protocol
    zone: str
    given_at: datetime


@cache
def transitions(zone: str) -> tuple[datetime, ...]:
    """The instants of 2020 to 2035 at which this zone's clocks change. Offsets are held for a week at least."""
    here, step = ZoneInfo(zone), timedelta(days=7)
    found, at = [], FIRST
    while at < LAST:
        if at.astimezone(here).utcoffset() != (at + step).astimezone(here).utcoffset():
            found.append(_change(here, at, at + step))
        at += step
    return tuple(found)


def _change(here: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first instant of the new offset, to the second."""
    before = low.astimezone(here).utcoffset()
    while high - low > SECOND:
        middle = low + timedelta(seconds=(high - low) // SECOND // 2)
        low, high = (middle, high) if middle.astimezone(here).utcoffset() == before else (low, middle)
    return high


def drawn(
    number: int, protocols: Sequence[Protocol], zones: Sequence[str], chance: random.Random
) -> Iterator[Schedule]:
    """So many schedules, going through the zones and their changes of the clocks in turn."""
    for n in range(number):
        zone = zones[n % len(zones)]
        changes = transitions(zone)
        protocol = protocols[n // len(zones) % len(protocols)]
        change = changes[n // len(zones) % len(changes)] if changes else None
        yield Schedule(protocol, zone, _near(zone, change, protocol, chance))


def _near(zone: str, change: datetime | None, protocol: Protocol, chance: random.Random) -> datetime:
    """The instant itself, some seconds or hours beside it, or so that one of the windows' edges falls on its day."""
    if change is None or chance.random() < 0.3:
        year = chance.randrange(2020, 2035)
        day = chance.choice(
            [date(2020 + 4 * chance.randrange(4), 2, 29), _last_of_month(year, chance), date(year, 12, 31)]
        )
        change = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    point = chance.choice(protocol.time_points)
    edge = chance.choice([point.opens, point.due, point.overdue, point.closes])
    back = edge.days + 30 * edge.months if chance.random() < 0.5 else 0
    beside = chance.choice([-DAY, -HOUR, -SECOND, 0 * SECOND, SECOND, HOUR, DAY])
    return change - back * DAY + beside


def _last_of_month(year: int, chance: random.Random) -> date:
    month = chance.randrange(1, 13)
    return date(year + month // 12, month % 12 + 1, 1) - DAY


def in_months(protocol: Protocol) -> Protocol:
    """The same, its follow-ups counted in calendar months."""

    def changed(offset: Offset) -> Offset:
        months = round(offset.days / 30)
        return Offset(offset.days - 30 * months, months) if offset.days > 60 else offset

    points = tuple(
        replace(
            each,
            opens=changed(each.opens),
            due=changed(each.due),
            overdue=changed(each.overdue),
            closes=changed(each.closes),
        )
        for each in protocol.time_points
    )
    return replace(protocol, id="in-months", time_points=points)


def walk(schedule: Schedule) -> tuple[int, int]:
    """Raises AssertionError. How many assessments were followed, at how many instants."""
    here = ZoneInfo(schedule.zone)
    given = Given(schedule.given_at, finding.local_day(schedule.given_at, _clinic(schedule.zone)))
    assert given.on == _local(schedule.given_at, here), schedule
    infusions = schedule.protocol.planned_infusions
    windows = plan(schedule.protocol, given.on, [given] if infusions else [], to_come=[])
    points = schedule.protocol.time_points
    assert [each.time_point for each in windows] == [each.id for each in points], schedule
    followed = instants = 0
    for window, point in zip(windows, points, strict=True):
        if point.closes_at_first_infusion:
            continue  # it ends with an instant and not with a day
        days = [_counted(given.on, each) for each in (point.opens, point.due, point.overdue, point.closes)]
        assert [window.opens_on, window.due_on, window.overdue_on, window.closes_on] == days, (schedule, window)
        followed += 1
        instants += _walk_window(window, here, schedule)
    return followed, instants


def _walk_window(window: Window, here: ZoneInfo, schedule: Schedule) -> int:
    edges = {
        Status.OPEN: _begins(window.opens_on, here),
        Status.DUE: _begins(window.due_on, here),
        Status.OVERDUE: _begins(window.overdue_on, here),
        Status.EXPIRED: _begins(window.closes_on + DAY, here),
    }
    first, last = min(edges.values()) - 2 * DAY, max(edges.values()) + 2 * DAY
    beside = (-DAY, -HOUR, -SECOND, 0 * SECOND, SECOND, HOUR, DAY)
    changes = [each + off for each in transitions(schedule.zone) if first < each < last for off in beside]
    instants = sorted({*changes, *(edge + off for edge in edges.values() for off in beside)})
    facts = Facts(window, None, None, None, 0)
    seen: list[Status] = []
    for at in instants:
        status = status_at(facts, at, finding.local_day(at, _clinic(schedule.zone)))
        begun = [each for each, edge in edges.items() if at >= edge]
        assert status is (begun[-1] if begun else Status.SCHEDULED), (schedule, window, at, status)
        if not seen or seen[-1] is not status:
            seen.append(status)
    expected = [each for each in IN_ORDER if each is Status.SCHEDULED or _lasts(each, edges)]
    assert seen == expected, (schedule, window, seen)
    return len(instants)


@cache
def _clinic(zone: str) -> ClinicFacts:
    return ClinicFacts(1, "c", "A clinic", True, zone, "", "", "letter")


def _lasts(status: Status, edges: dict[Status, datetime]) -> bool:
    """Whether it holds at all: what opens on its due day is never merely open."""
    later = [edges[each] for each in IN_ORDER[IN_ORDER.index(status) + 1 :]]
    return all(edges[status] < each for each in later)


def _begins(day: date, here: ZoneInfo) -> datetime:
    """The first instant of a local day: midnight, or what follows a midnight that the clocks skip."""
    return datetime.combine(day, time(), here).astimezone(UTC)


def _local(at: datetime, here: ZoneInfo) -> date:
    """From the offset alone, without the calendar of the time zone."""
    offset = here.utcoffset(at.astimezone(here))
    assert offset is not None
    return (at + offset).date()


def _counted(anchor: date, offset: Offset) -> date:
    """A day at a time, a month at a time."""
    year, month = anchor.year, anchor.month
    for _ in range(offset.months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    day = anchor.day
    while True:
        try:
            return date.fromordinal(date(year, month, day).toordinal() + offset.days)
        except ValueError:
            day -= 1
