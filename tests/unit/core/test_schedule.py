"""Plans and their statuses, on the calendars of the whole world."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import available_timezones

import pytest

from prom_server.core.schedule import Given, Offset, after_next_course, next_began_at, plan
from prom_server.definitions.library import Library
from tests.support import schedules

LIBRARY = Library.shipped()
FIVE = LIBRARY.protocol("ketamine-five-day")
MONTHLY = LIBRARY.protocol("psychotherapy-every-4-weeks")
FIRST = date(2026, 11, 23)
DAY = timedelta(days=1)
# Clocks that change at midnight, by half an hour, by two hours, in Ramadan; and some that never do.
ODD = [
    *("Africa/Cairo", "Africa/Casablanca", "America/Havana", "America/Santiago", "America/Asuncion", "America/Nuuk"),
    *("Antarctica/Troll", "Asia/Beirut", "Asia/Kathmandu", "Asia/Gaza", "Atlantic/Azores", "Australia/Lord_Howe"),
    *("Pacific/Apia", "Pacific/Kiritimati", "Pacific/Chatham", "America/Denver", "Europe/Berlin", "America/St_Johns"),
]


def test_each_follow_up_is_due_once_on_the_right_local_day_wherever_clocks_change() -> None:
    """The bounded run of `bin/bench schedules`."""
    chance = random.Random(20)
    zones = [*ODD, *chance.sample(sorted(available_timezones()), 12)]
    protocols = [FIVE, schedules.in_months(FIVE), MONTHLY]
    walked = [schedules.walk(each) for each in schedules.drawn(600, protocols, zones, chance)]
    assert sum(followed for followed, _ in walked) > 2_000
    assert sum(instants for _, instants in walked) > 50_000


@pytest.mark.parametrize(
    ("anchor", "offset", "day"),
    [
        (date(2026, 8, 31), Offset(0, 6), date(2027, 2, 28)),
        (date(2027, 8, 31), Offset(0, 6), date(2028, 2, 29)),
        (date(2024, 2, 29), Offset(0, 12), date(2025, 2, 28)),
        (date(2026, 11, 30), Offset(-14, 3), date(2027, 2, 14)),
        (date(2026, 10, 1), Offset(0, 3), date(2027, 1, 1)),
        (date(2026, 9, 30), Offset(31, 3), date(2027, 1, 30)),
        (date(2028, 2, 29), Offset(-30), date(2028, 1, 30)),
    ],
)
def test_months_go_by_the_calendar(anchor: date, offset: Offset, day: date) -> None:
    assert offset.after(anchor) == day


def given(*days: int) -> list[Given]:
    return [Given(datetime(2026, 11, 23, 19, tzinfo=UTC) + day * DAY, FIRST + day * DAY) for day in days]


def due(protocol, *days: int, to_come: tuple[int, ...] = (), finished_on: date | None = None) -> dict[str, int]:
    """Days from the planned first day to each due day."""
    coming = [FIRST + day * DAY for day in to_come]
    windows = plan(protocol, FIRST, given(*days), to_come=coming, finished_on=finished_on)
    return {each.time_point: (each.due_on - FIRST).days for each in windows}


def test_the_last_infusion_is_the_last_planned_day() -> None:
    assert due(FIVE, to_come=(0, 1, 2, 3, 4))["last-infusion"] == 4
    assert due(FIVE, 0, 1, to_come=(2, 3, 4))["last-infusion"] == 4
    assert due(FIVE, 0, 1, to_come=(3, 4))["last-infusion"] == 4  # one was missed
    assert due(FIVE, 0, 2, to_come=(1, 3, 4))["last-infusion"] == 5  # one passed: presumed to be made up
    assert due(FIVE, 0, 1, 2, 3, 4, 7)["last-infusion"] == 7  # one more than planned
    assert due(FIVE, 0, 1, to_come=())["last-infusion"] == 1  # finished


def test_never_infused_keeps_what_had_closed() -> None:
    assert due(FIVE, finished_on=FIRST + 30 * DAY) == {}  # the last day on which the baseline could be answered
    assert due(FIVE, finished_on=FIRST + 31 * DAY) == {"baseline": 0}


def test_a_course_without_infusions_counts_from_its_first_day_until_it_is_finished() -> None:
    assert due(MONTHLY) == {"baseline": 0} | {f"week-{n}": 7 * n for n in range(4, 53, 4)}
    assert list(due(MONTHLY, finished_on=FIRST + 52 * DAY)) == ["baseline", "week-4"]  # week 8 opens a day later
    assert list(due(MONTHLY, finished_on=FIRST + 53 * DAY)) == ["baseline", "week-4", "week-8"]
    assert set(due(FIVE, 0, finished_on=FIRST)) >= {"month-3", "month-6"}  # follow-ups stay


def test_an_answer_is_marked_from_the_next_course_s_first_infusion_on() -> None:
    began = datetime(2027, 3, 1, 16, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert [after_next_course(began + n * second, began) for n in (-1, 0, 1)] == [False, True, True]
    assert not after_next_course(began, None)


def test_the_next_course_is_the_next_that_began() -> None:
    first = {1: datetime(2026, 1, 5, tzinfo=UTC), 4: datetime(2027, 1, 4, tzinfo=UTC)}
    assert [next_began_at(course, first) for course in (1, 2, 3, 4)] == [first[4], first[4], first[4], None]
