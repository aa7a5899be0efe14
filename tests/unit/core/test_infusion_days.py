"""Which infusion belongs to which planned day, and what is still to come."""

from datetime import UTC, date, datetime, timedelta

import pytest

from prom_server.core.infusion_days import PlannedDay, infusion_of, laid_out, moved, to_come
from prom_server.core.schedule import Given

FIRST, DAY = date(2026, 11, 23), timedelta(days=1)


def planned(*days: int, missed: tuple[int, ...] = ()) -> list[PlannedDay]:
    return [PlannedDay(10 + day, FIRST + day * DAY, missed=day in missed) for day in days]


def given(*days: int) -> list[Given]:
    return [Given(datetime(2026, 11, 23, 19, tzinfo=UTC) + day * DAY, FIRST + day * DAY) for day in days]


def away(days: list[date] | tuple[date, ...]) -> list[int]:
    return [(day - FIRST).days for day in days]


@pytest.mark.parametrize(
    ("days", "missed", "infusions", "taken", "coming"),
    [
        ((0, 1, 2), (), (), {}, [0, 1, 2]),
        ((0, 1, 2), (), (0, 1), {0: 0, 1: 1}, [2]),
        ((0, 1, 2), (), (-3,), {0: 0}, [1, 2]),  # early: the first day that is free
        ((0, 1, 2), (), (0, 2, 5), {0: 0, 2: 1, 1: 2}, []),  # its own day comes first, whatever was put off
        ((0, 1, 2), (1,), (0, 2, 5), {0: 0, 2: 1}, []),  # a missed day is not made up by itself
        ((0, 1, 2), (1,), (0, 1), {0: 0, 1: 1}, [2]),  # called missed, and given after all
        ((0, 1, 2), (), (0, 1, 2, 3), {0: 0, 1: 1, 2: 2}, []),  # one more than planned
    ],
)
def test_each_infusion_has_its_day(days, missed, infusions, taken, coming) -> None:
    rows = planned(*days, missed=missed)
    found = infusion_of(rows, given(*infusions))
    assert {(day - FIRST).days: n for day, n in found.items()} == taken
    assert away(to_come(rows, given(*infusions))) == coming


def test_days_are_laid_out_as_the_protocol_counts_them() -> None:
    assert away([each.on for each in laid_out((0, 2, 4, 7), FIRST)]) == [0, 2, 4, 7]


def test_a_series_moves_as_a_whole_and_keeps_its_rows() -> None:
    after = moved(planned(0, 1, 2), (0, 1, 2), FIRST + 7 * DAY)
    assert [(each.id, (each.on - FIRST).days) for each in after] == [(10, 7), (11, 8), (12, 9)]


def test_a_missed_day_stays_and_the_series_is_planned_in_full_around_it() -> None:
    after = moved(planned(0, 1, 2, missed=(0,)), (0, 1, 2), FIRST - DAY)
    assert [(each.id, (each.on - FIRST).days, each.missed) for each in after] == [
        (10, 0, True),
        (11, -1, False),
        (12, 1, False),
        (None, 2, False),
    ]
    assert moved([], (), FIRST) == ()
