"""When an assessment reminds its patient: on the days that its protocol names, and never after its last day.

All days are days of the clinic's calendar. Each reminder goes out once; those that an outage held up are caught up by
one message, of which the newest counts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from prom_server.core.schedule import Reminders, Window

OPENS, DUE = "opens", "due"

# So long after the clinic's hour of reminders they still go out; then the next morning of an opening day is waited for,
# so that whoever answers at once is read on the same day. (A decision of this project.)
MORNING = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Due:
    """One reminder of an assessment: `kind` "opens" or "due", and how many days after the due day."""

    kind: str
    nth: int
    on: date

    @property
    def id(self) -> tuple[str, int]:
        return self.kind, self.nth


def planned(window: Window, reminders: Reminders) -> tuple[Due, ...]:
    """All of them in order. One that opens on its due day reminds once on that day."""
    after = [Due(DUE, days, window.due_on + timedelta(days=days)) for days in sorted(set(reminders.after_due))]
    opening = [Due(OPENS, 0, window.opens_on)] if reminders.at_opening else []
    taken = {each.on for each in after}
    listed = [each for each in opening if each.on not in taken] + after
    return tuple(each for each in listed if each.on <= window.closes_on)


def next_on(window: Window, reminders: Reminders, covered: Collection[tuple[str, int]]) -> date | None:
    """The day of the first reminder that nothing covers yet. None: there are no more."""
    return next((each.on for each in planned(window, reminders) if each.id not in covered), None)


def due(window: Window, reminders: Reminders, covered: Collection[tuple[str, int]], today: date) -> tuple[Due, ...]:
    """What should have gone out by today and is not covered, in order."""
    return tuple(each for each in planned(window, reminders) if each.id not in covered and each.on <= today)


def is_morning(here: datetime, reminders_at: str, quiet_from: str, quiet_to: str) -> bool:
    """Whether reminders go out at this moment on the clinic's wall; its settings are times such as "09:00".

    An hour of reminders that lies in the quiet hours begins when these end, so that no setting silences them for good.
    """
    hour = time.fromisoformat(reminders_at)
    if is_quiet(hour, quiet_from, quiet_to):
        hour = time.fromisoformat(quiet_to)
    begins, moment = datetime.combine(here.date(), hour), here.replace(tzinfo=None)
    return begins <= moment < begins + MORNING and not is_quiet(moment.time(), quiet_from, quiet_to)


def is_quiet(moment: time, quiet_from: str, quiet_to: str) -> bool:
    """Whether this time of the clinic's day lies in its quiet hours, which may pass midnight."""
    begins, ends = time.fromisoformat(quiet_from), time.fromisoformat(quiet_to)
    if begins <= ends:
        return begins <= moment < ends
    return moment >= begins or moment < ends
