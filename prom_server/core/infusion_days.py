"""The days of a course's infusions: planned, given, missed. On the clinic's calendar, and without a clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, count, islice, repeat

from prom_server.core.schedule import Given


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """`id` is the row's; None where there is none yet."""

    id: int | None
    on: date
    missed: bool


def laid_out(offsets: Sequence[int], starts_on: date) -> tuple[PlannedDay, ...]:
    """The days of a course that begins on this day, as its protocol counts them."""
    return tuple(PlannedDay(None, starts_on + timedelta(days=offset), missed=False) for offset in offsets)


def moved(days: Sequence[PlannedDay], offsets: Sequence[int], starts_on: date) -> tuple[PlannedDay, ...]:
    """The whole series again from another day, before any infusion. What waits keeps its row; missed days stay.

    No infusion is planned for a missed day again: the series is then made up by days after its last. Where such a day
    was taken back meanwhile, there is a row too many: it is left out.
    """
    missed = [day for day in days if day.missed]
    taken = {day.on for day in missed}
    planned = [day.on for day in laid_out(offsets, starts_on)]
    after = (planned[-1] + timedelta(days=n) for n in count(1)) if planned else iter(())
    wanted = islice((day for day in chain(planned, after) if day not in taken), len(offsets))
    rows = chain((day.id for day in days if not day.missed), repeat(None))
    return (*missed, *(PlannedDay(row, on, missed=False) for on, row in zip(wanted, rows, strict=False)))


def infusion_of(days: Sequence[PlannedDay], given: Sequence[Given]) -> Mapping[date, int]:
    """Planned day -> place of its infusion among those given.

    An infusion belongs to the day it was given on, also where that was called missed; without such a day to the
    earliest planned one that was neither given nor missed; without that to none. A missed day is not made up by itself:
    whether one is added is the clinic's choice, made by giving an infusion on it.
    """
    on_its_day = {each.on: n for n, each in enumerate(given)}
    found = {day.on: on_its_day[day.on] for day in days if day.on in on_its_day}
    free = iter(sorted(day.on for day in days if day.on not in on_its_day and not day.missed))
    others = (n for n, each in enumerate(given) if each.on not in found)
    return found | dict(zip(free, others, strict=False))


def to_come(days: Sequence[PlannedDay], given: Sequence[Given]) -> tuple[date, ...]:
    """The days that are planned still: neither given nor missed."""
    taken = infusion_of(days, given)
    return tuple(sorted(day.on for day in days if day.on not in taken and not day.missed))
