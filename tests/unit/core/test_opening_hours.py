"""Opening hours: where the clock jumps, on closed days, and for a clinic that never opens."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom_server.core.opening_hours import LONGEST_CLOSED, WEEKDAYS, OpeningHours

DENVER = OpeningHours("America/Denver", WEEKDAYS)
MINUTE = timedelta(minutes=1)


def here(text: str, zone: str = "America/Denver", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def daily(opens: str, closes: str, zone: str = "America/Denver") -> OpeningHours:
    return OpeningHours(zone, dict.fromkeys(range(7), ((opens, closes),)))


def test_an_hour_from_ten_to_five_on_friday_ends_on_monday() -> None:
    assert DENVER.after(here("2026-11-20 16:50"), 60) == here("2026-11-23 08:50")
    assert DENVER.after(here("2026-11-20 16:50"), 10) == here("2026-11-20 17:00")
    assert DENVER.after(here("2026-11-21 03:00"), 15) == here("2026-11-23 08:15")


def test_the_instant_of_opening_is_open_and_that_of_closing_is_closed() -> None:
    assert DENVER.is_open(here("2026-11-20 08:00"))
    assert not DENVER.is_open(here("2026-11-20 17:00"))
    assert DENVER.next_opening(here("2026-11-20 17:00")) == here("2026-11-23 08:00")
    assert DENVER.next_opening(here("2026-11-20 09:00")) == here("2026-11-20 09:00")


def test_closed_days_and_a_break_at_noon() -> None:
    hours = OpeningHours(
        "America/Denver", {3: (("13:00", "17:00"), ("08:00", "12:00")), 4: WEEKDAYS[4]}, frozenset({date(2026, 11, 26)})
    )
    assert not hours.is_opening_day(date(2026, 11, 26))
    assert hours.next_opening(here("2026-11-25 12:00")) == here("2026-11-27 08:00")
    assert hours.after(here("2026-11-19 11:30"), 60) == here("2026-11-19 13:30")
    assert hours.open_between(here("2026-11-19 00:00"), here("2026-11-20 09:00")) == timedelta(hours=9)


@pytest.mark.parametrize(
    ("opens", "closes", "minutes"),
    [
        ("01:00", "02:30", 60),  # closes at a time that does not exist: at the jump
        ("02:30", "08:00", 300),  # opens at one: at the jump too
        ("02:10", "02:50", 0),  # nothing of it exists
        ("00:00", "24:00", 23 * 60),
    ],
)
def test_the_night_of_the_lost_hour(opens: str, closes: str, minutes: int) -> None:
    begins, ends = here("2027-03-14 00:00"), here("2027-03-15 00:00")
    assert daily(opens, closes).open_between(begins, ends) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("opens", "closes", "minutes"), [("01:15", "01:45", 90), ("00:00", "24:00", 25 * 60), ("01:30", "03:00", 150)]
)
def test_the_night_of_the_hour_that_comes_twice(opens: str, closes: str, minutes: int) -> None:
    begins, ends = here("2026-11-01 00:00"), here("2026-11-02 00:00")
    assert daily(opens, closes).open_between(begins, ends) == timedelta(minutes=minutes)


def test_a_midnight_that_does_not_exist() -> None:
    """In Santiago the clock goes from 24:00 to 01:00: a day that is open until midnight ends at the jump."""
    hours = daily("00:00", "24:00", "America/Santiago")
    at = here("2026-09-05 23:59", "America/Santiago")
    assert hours.is_open(at + MINUTE)
    assert hours.after(at, 2) == at + 2 * MINUTE


@pytest.mark.parametrize("weekly", [{}, {0: ()}])
def test_a_clinic_that_never_opens_keeps_nobody_waiting_for_ever(weekly: dict) -> None:
    never = OpeningHours("America/Denver", weekly)
    at = here("2026-11-20 16:50")
    assert not never.is_open(at)
    assert never.next_opening(at) == at
    assert never.after(at, 60) == at + 60 * MINUTE


def test_a_long_holiday_counts_by_the_clock_after_thirty_days() -> None:
    closed = frozenset(date(2026, 11, 21) + timedelta(days=n) for n in range(60))
    hours = OpeningHours("America/Denver", WEEKDAYS, closed)
    at = here("2026-11-20 16:50")
    assert hours.after(at, 60) == here("2026-11-20 17:50")
    almost = OpeningHours("America/Denver", WEEKDAYS, frozenset(sorted(closed)[:27]))
    assert almost.next_opening(at + 60 * MINUTE) == here("2026-12-18 08:00")
    short = OpeningHours("America/Denver", WEEKDAYS, frozenset(sorted(closed)[:20]))
    assert short.next_opening(here("2026-11-20 17:00")) == here("2026-12-11 08:00")


ZONES = ("America/Denver", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago", "UTC")
SPANS = st.tuples(st.integers(0, 95), st.integers(1, 96)).filter(lambda span: span[0] < span[1])


def _clock(quarters: int) -> str:
    return f"{quarters // 4:02}:{quarters % 4 * 15:02}"


@st.composite
def some_hours(draw: st.DrawFn) -> OpeningHours:
    weekly = draw(st.dictionaries(st.integers(0, 6), SPANS, min_size=1))
    closed = draw(st.frozensets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=5))
    named = {day: ((_clock(opens), _clock(closes)),) for day, (opens, closes) in weekly.items()}
    return OpeningHours(draw(st.sampled_from(ZONES)), named, closed)


MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE)


@settings(max_examples=300, deadline=None)
@given(some_hours(), MOMENTS, st.integers(0, 3000))
def test_so_many_minutes_are_so_many_minutes_of_opening(hours: OpeningHours, at: datetime, minutes: int) -> None:
    """Whatever the clock does: exactly these minutes lie between, and the end is in opening hours or at their end."""
    end = hours.after(at, minutes)
    assert end >= at
    assert hours.open_between(at, end) == minutes * MINUTE
    if minutes:
        assert hours.is_open(end - timedelta(microseconds=1))
    elif end > at:
        assert hours.is_open(end)
        assert not hours.is_open(end - timedelta(microseconds=1))
    assert end - at < LONGEST_CLOSED * 60


@settings(max_examples=200, deadline=None)
@given(some_hours(), MOMENTS)
def test_it_is_open_where_the_clock_on_the_wall_says_so(hours: OpeningHours, at: datetime) -> None:
    """Outside the hour that comes twice, where both halves count as open."""
    wall = at.astimezone(ZoneInfo(hours.zone))
    twice = wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
    spans = hours.weekly.get(wall.weekday(), ()) if wall.date() not in hours.closed else ()
    shown = any(opens <= wall.strftime("%H:%M") < closes for opens, closes in spans)
    if not twice:
        assert hours.is_open(at) is shown
    elif shown:
        assert hours.is_open(at)
