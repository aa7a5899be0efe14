"""When a clinic is open, and when so many minutes of opening hours have passed.

Hours are of the clinic's own clock; instants are UTC. Where the clock jumps, a day's hours are what the wall shows: an
hour that does not exist begins or ends at the jump, an hour that comes twice counts twice.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import islice
from zoneinfo import ZoneInfo

# A clinic that opens on none of so many days in a row is treated as open: nothing may wait for ever. (A decision of
# this project.)
LONGEST_CLOSED = timedelta(days=30)

Hours = tuple[tuple[str, str], ...]  # ("08:00", "12:00"), …: opens, closes; "24:00" is midnight
WEEKDAYS: Mapping[int, Hours] = dict.fromkeys(range(5), (("08:00", "17:00"),))  # assumed where nothing is recorded

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class OpeningHours:
    """`weekly` is weekday (0 is Monday) -> its hours; on `closed` days it is closed, whatever the weekday."""

    zone: str
    weekly: Mapping[int, Hours]
    closed: frozenset[date] = frozenset()

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def is_opening_day(self, day: date) -> bool:
        """Whether the clinic opens at all on this day of its calendar."""
        return day not in self.closed and bool(self.weekly.get(day.weekday()))

    def is_open(self, at: datetime) -> bool:
        """The instant of opening is open, the instant of closing is closed."""
        return any(begins <= at < ends for begins, ends in self._of(self._local_day(at)))

    def next_opening(self, at: datetime) -> datetime:
        """`at` itself where the clinic is open, else when it opens next; `at` where it does not within 30 days."""
        return self.after(at, 0)

    def after(self, at: datetime, minutes: int) -> datetime:
        """The instant when so many minutes of opening hours have passed since `at`. Both are instants, not days.

        Zero minutes end when it is open. After 30 days without an opening the rest is counted by the clock.
        """
        left, reached = timedelta(minutes=minutes), at.astimezone(UTC)
        for begins, ends in self._from(self._local_day(at)):
            start = max(begins, reached)
            if start < ends:
                if start + left <= ends:
                    return start + left
                left, reached = left - (ends - start), ends
        return reached + left

    def day_began(self, at: datetime) -> datetime:
        """When the clinic opened for its last day, at the latest `at`: a day before it where none was for 30 days."""
        days = (self._local_day(at) - back * _DAY for back in range(LONGEST_CLOSED.days + 1))
        begins = (begins for day in days for begins, _ends in islice(self._of(day), 1))
        return next((each for each in begins if each <= at), at - _DAY)

    def next_day(self, at: datetime) -> datetime:
        """When the clinic opens for its next day, after `at`: a day after it where none comes for 30 days."""
        days = (self._local_day(at) + ahead * _DAY for ahead in range(LONGEST_CLOSED.days + 1))
        begins = (begins for day in days for begins, _ends in islice(self._of(day), 1))
        return next((each for each in begins if each > at), at + _DAY)

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """How much of the time from `start` to `end` falls into opening hours."""
        day, last, found = self._local_day(start), self._local_day(end), timedelta()
        reached = start
        while day <= last:
            for begins, ends in self._of(day):
                found += max(min(ends, end) - max(begins, reached), timedelta())
                reached = max(reached, ends)
            day += _DAY
        return found

    def _from(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """The hours from this day on, until none come for long enough."""
        last = day
        while day - last <= LONGEST_CLOSED:
            for hours in self._of(day):
                last = day
                yield hours
            day += _DAY

    def _of(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if self.is_opening_day(day):
            for opens, closes in sorted(self.weekly[day.weekday()]):
                yield self._first(_wall(day, opens), fold=0), self._first(_wall(day, closes), fold=1)

    def _first(self, wall: datetime, *, fold: int) -> datetime:
        """The instant of a time on the wall: of one that comes twice the first or the second, of none the jump."""
        early, late = sorted(self._instant(wall.replace(fold=each)) for each in (0, 1))
        if early == late:
            return early
        if self._on_wall(early) == wall:  # it comes twice
            return late if fold else early
        seconds = range(int((late - early).total_seconds()) + 1)
        return early + timedelta(
            seconds=bisect_left(seconds, wall, key=lambda each: self._on_wall(early + timedelta(seconds=each)))
        )

    def _instant(self, wall: datetime) -> datetime:
        return wall.replace(tzinfo=self._zone).astimezone(UTC)

    def _on_wall(self, at: datetime) -> datetime:
        return at.astimezone(self._zone).replace(tzinfo=None, fold=0)

    def _local_day(self, at: datetime) -> date:
        return self._on_wall(at).date()


def _wall(day: date, hour: str) -> datetime:
    """The time of that day, without a zone. "24:00" is the beginning of the next."""
    if hour == "24:00":
        return datetime.combine(day + _DAY, time())
    return datetime.combine(day, time.fromisoformat(hour))
