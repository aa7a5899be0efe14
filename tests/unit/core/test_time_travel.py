"""Where a moved clock stops: often enough for every job, and not at every hour of ninety nights."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from prom_server.core.opening_hours import WEEKDAYS, OpeningHours
from prom_server.core.time_travel import stops

DENVER = ZoneInfo("America/Denver")
START = datetime(2026, 11, 23, 19, 20, tzinfo=UTC)  # Monday, 12:20 in Denver
HOURS = OpeningHours("America/Denver", WEEKDAYS, frozenset({date(2026, 11, 26)}))


def test_hourly_for_a_day_then_midnights_mornings_and_opening_hours() -> None:
    end = START + timedelta(days=7)
    found = list(stops(START, end, HOURS, "09:30"))
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (datetime(2026, 11, 23, 20, 0, tzinfo=UTC), end)
    here = [each.astimezone(DENVER) for each in found]
    assert sum(each - START <= timedelta(hours=24) for each in found) == 25  # 24 full hours and Tuesday's reminders
    thursday, friday, saturday = ([each.strftime("%H:%M") for each in here if each.day == day] for day in (26, 27, 28))
    assert thursday == ["00:00"]  # closed
    assert friday == ["00:00", "08:00", "09:00", "09:30", *(f"{hour}:00" for hour in range(10, 17))]
    assert saturday == ["00:00"]


@pytest.mark.parametrize("zone", ["America/Denver", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"])
def test_every_opening_day_has_a_stop_at_or_after_its_reminders_while_it_is_open(zone: str) -> None:
    """Through both changes of the clock: no morning is passed over."""
    hours, start = OpeningHours(zone, WEEKDAYS), datetime(2026, 1, 1, tzinfo=UTC)
    here = [each.astimezone(ZoneInfo(zone)) for each in stops(start, start + timedelta(days=366), hours, "09:00")]
    days = {each.date() for each in here if each.strftime("%H:%M") >= "09:00" and hours.is_open(each)}
    weekdays = {date(2026, 1, 5) + timedelta(days=n) for n in range(355)}
    assert {day for day in weekdays if hours.is_opening_day(day)} <= days
    assert len(here) < 366 * 12


def test_a_short_way() -> None:
    end = START + timedelta(minutes=10)
    assert list(stops(START, end, HOURS, "09:00")) == [end]
