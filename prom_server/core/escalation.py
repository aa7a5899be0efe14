"""Who is told of an alert, when, and who comes next while nobody acknowledges it.

First the owner, then whoever is on call too, then everybody who takes alerts; then everybody again. Whoever was told
is told again, and an alert never goes back down this ladder: one that is re-opened is not less urgent than it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from prom_server.core.going_live import ClosedHours
from prom_server.core.opening_hours import OpeningHours

# An alert escalates so often from one morning's opening to the next; then again when the clinic opens for another day.
# One that nobody can be told of escalates once a day. (Decisions of this project.)
MOST_A_DAY = 4
AT_HOME = "own_device"  # the mode of answers that nobody of the clinic is near


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who takes alerts, and where a message reaches them."""

    id: int
    public_id: str
    channel: str  # email, sms
    address: str
    on_call: bool = False


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody's time on call."""

    staff_id: int
    begins_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Arrangements:
    """What a clinic arranged for its alerts, at one instant.

    On call is whoever is when messages leave. `on_call` may be somebody whom no message reaches.
    """

    hours: OpeningHours
    kiosk_minutes: int
    home_minutes: int
    closed_hours: ClosedHours | None  # None: not chosen yet, and then they wait for the next opening
    people: tuple[Person, ...]
    on_call: int | None = None

    @property
    def around_the_clock(self) -> bool:
        """With somebody on call time counts by the clock, also while the clinic is open: else an alert of ten minutes
        before closing would wait longer than one of ten minutes after."""
        return self.closed_hours is ClosedHours.ON_CALL

    def escalates_at(self, at: datetime, mode: str) -> datetime:
        """When it goes to the next person, if it is raised or re-opened `at`."""
        minutes = self.home_minutes if mode == AT_HOME else self.kiosk_minutes
        return at + timedelta(minutes=minutes) if self.around_the_clock else self.hours.after(at, minutes)

    def told_at(self, at: datetime) -> datetime:
        """When a message about it leaves: at once, or as the clinic chose for its closed hours."""
        return at if self.around_the_clock else self.hours.next_opening(at)

    def told(self, owner: int | None, nth: int, at: datetime) -> tuple[Person, ...]:
        """Who is told in the nth round, from 0; empty where no message reaches anybody."""
        rungs = self._rungs(owner, at)
        return rungs[min(nth, len(rungs) - 1)] if rungs else ()

    def _rungs(self, owner: int | None, at: datetime) -> list[tuple[Person, ...]]:
        on_call = tuple(each for each in self.people if each.on_call)
        if self.around_the_clock and on_call and not self.hours.is_open(at):
            rungs = [on_call, self.people]
        else:
            owns = tuple(each for each in self.people if each.id == owner)
            rungs = [owns, tuple(each for each in self.people if each in owns or each.on_call), self.people]
        return list(dict.fromkeys(filter(None, rungs)))

    def again_at(self, at: datetime, mode: str, *, rounds: int, anybody: bool) -> datetime:
        """When it escalates next, after so many rounds since the clinic opened, the one just made among them."""
        if anybody and rounds < MOST_A_DAY:
            return self.escalates_at(at, mode)
        return self.hours.next_day(at)

    def with_duties(self, duties: Iterable[Duty], at: datetime) -> "Arrangements":
        """Of several who are on call when a message leaves the one who came last owns what is raised."""
        leaves = self.told_at(at)
        now = [each for each in duties if each.begins_at <= leaves < each.until]
        latest = max(now, key=lambda each: each.begins_at, default=None)
        staff = {each.staff_id for each in now}
        people = tuple(replace(each, on_call=each.id in staff) for each in self.people)
        return replace(self, people=people, on_call=latest.staff_id if latest else None)
