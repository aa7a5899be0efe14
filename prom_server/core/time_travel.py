"""At which instants a clock that is moved ahead stops, so that jobs run as they would have."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from prom_server.core.opening_hours import OpeningHours
from prom_server.core.refusals import Refused

HOUR = timedelta(hours=1)
CLOSELY = timedelta(hours=24)  # at first every hour: what was waiting when the journey began goes on by day and night
LONGEST_DAYS = 3660  # ten years


class NotADemo(Refused):
    """Only a demo installation moves its clock: in a real one every stored time would be a lie."""


class NotThatFar(Refused):
    """Less than one day, or more than ten years."""


def stops(start: datetime, end: datetime, hours: OpeningHours, reminders_at: str) -> Iterator[datetime]:
    """Rising instants after `start`, the last one `end`: the first 24 hours hourly; then each midnight of the clinic,
    and on opening days the hour of reminders and every full hour while it is open.

    Nobody answers on the way, so at other hours there is nothing that could not wait for the next stop.
    """
    zone = ZoneInfo(hours.zone)
    morning = time.fromisoformat(reminders_at)
    at = _next_hour(start)
    while at < end:
        here = at.astimezone(zone)
        if at - start <= CLOSELY or hours.is_open(at) or here.hour == 0:
            yield at
        first = datetime.combine(here.date(), morning, zone).astimezone(UTC)
        if at < first < min(at + HOUR, end) and hours.is_opening_day(here.date()):
            yield first
        at += HOUR
    yield end


def _next_hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + HOUR
