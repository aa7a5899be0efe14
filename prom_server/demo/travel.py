"""Moves the clock of a demo installation ahead, and runs the jobs on the way as they would have run."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil

from prom_server import clock
from prom_server.core.time_travel import LONGEST_DAYS, NotADemo, NotThatFar, stops
from prom_server.services import time_travel
from prom_server.transaction import reading, transaction

SECOND = timedelta(seconds=1)


def route(days: int) -> tuple[datetime, ...]:
    """Where a journey of so many days from now stops. Raises NotADemo, NotThatFar. Moves nothing but this clock."""
    if not 1 <= days <= LONGEST_DAYS:
        raise NotThatFar(str(days))
    with reading() as session:
        if not time_travel.is_demo(session):
            raise NotADemo("a clinic that is no demo")
        clock.set_ahead(time_travel.offset(session))
        mornings = time_travel.mornings(session)
    start = clock.now()
    end = start + timedelta(days=days)
    return tuple(sorted({stop for hours, at in mornings for stop in stops(start, end, hours, at)}))


def travel(days: int, tick: Callable[[datetime], object], passed: Callable[[datetime], None]) -> None:
    """At each stop the clock's offset is stored first, then `tick` runs what is due; `passed` tells of it.

    A process that dies on the way stays where it was: the offset is on disk, what ran is on disk with it, and what did
    not is due at the next tick. Raises NotADemo, NotThatFar.
    """
    way = route(days)
    world = clock.now() - clock.ahead()
    for stop in way:
        ahead = ceil((stop - world) / SECOND) * SECOND
        with transaction() as session:
            time_travel.set_offset(session, ahead)
        clock.set_ahead(ahead)
        tick(clock.now())
        passed(stop)
