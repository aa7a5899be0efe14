"""When an assessment reminds: the days of its protocol, never after it closed, each once."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prom_server.core.reminders import Due, due, is_morning, is_quiet, next_on, planned
from prom_server.core.schedule import Reminders, Window

RULES = Reminders()


def window(opens: str, due_on: str, closes: str) -> Window:
    day = date.fromisoformat(due_on)
    return Window("month-3", date.fromisoformat(opens), day, day + timedelta(days=7), date.fromisoformat(closes))


MONTH_3 = window("2026-12-01", "2026-12-15", "2027-01-14")


def test_when_it_opens_then_0_3_7_14_and_21_days_after_it_is_due() -> None:
    assert [(each.kind, each.nth, each.on.isoformat()) for each in planned(MONTH_3, RULES)] == [
        ("opens", 0, "2026-12-01"),
        ("due", 0, "2026-12-15"),
        ("due", 3, "2026-12-18"),
        ("due", 7, "2026-12-22"),
        ("due", 14, "2026-12-29"),
        ("due", 21, "2027-01-05"),
    ]


def test_never_after_the_last_day_and_once_on_a_day_that_opens_and_is_due() -> None:
    last_infusion = window("2026-11-27", "2026-11-27", "2026-11-30")
    assert [each.id for each in planned(last_infusion, RULES)] == [("due", 0), ("due", 3)]
    assert planned(last_infusion, Reminders(at_opening=True, after_due=())) == (Due("opens", 0, date(2026, 11, 27)),)
    assert planned(last_infusion, Reminders(at_opening=False, after_due=(4,))) == ()


def test_what_is_due_after_an_outage_and_what_comes_next() -> None:
    missed = due(MONTH_3, RULES, {("opens", 0)}, date(2026, 12, 20))
    assert [each.id for each in missed] == [("due", 0), ("due", 3)]
    assert next_on(MONTH_3, RULES, {("opens", 0)}) == date(2026, 12, 15)
    assert next_on(MONTH_3, RULES, {("opens", 0), *(each.id for each in missed)}) == date(2026, 12, 22)
    assert next_on(MONTH_3, RULES, {each.id for each in planned(MONTH_3, RULES)}) is None


@given(st.sets(st.integers(0, 60)), st.integers(0, 40), st.integers(0, 60), st.integers(0, 120), st.booleans())
def test_day_by_day_each_is_due_exactly_once(after: set[int], lead: int, stays: int, skip: int, opens: bool) -> None:
    """Whatever days the worker slept through: in the end all of them were due, once, and none before its day."""
    rules = Reminders(opens, tuple(after))
    due_on = date(2027, 2, 27)
    of = Window("x", due_on - timedelta(days=lead), due_on, due_on, due_on + timedelta(days=stays))
    covered: set[tuple[str, int]] = set()
    seen = []
    for day in range(-lead - 1, stays + 2):
        today = due_on + timedelta(days=day)
        if skip and day % (skip + 1) and day <= stays:
            continue
        found = due(of, rules, covered, today)
        assert all(each.on <= today for each in found)
        covered |= {each.id for each in found}
        seen += found
        following = next_on(of, rules, covered)
        assert following is None or following > today
    assert seen == list(planned(of, rules))
    assert len({each.on for each in seen}) == len(seen)


@pytest.mark.parametrize(
    ("clock", "reminders_at", "expected"),
    [
        ("08:59", "09:00", False),
        ("09:00", "09:00", True),
        ("11:59", "09:00", True),
        ("12:00", "09:00", False),
        ("07:30", "07:00", False),  # quiet until 8
        ("08:00", "07:00", True),
        ("20:30", "19:30", False),  # quiet from 8
        ("19:45", "19:30", True),
    ],
)
def test_the_morning(clock: str, reminders_at: str, *, expected: bool) -> None:
    here = datetime.fromisoformat(f"2026-11-23T{clock}-07:00")
    assert is_morning(here, reminders_at, "20:00", "08:00") is expected


def test_quiet_hours_may_lie_within_a_day() -> None:
    noon = time(12)
    assert is_quiet(noon, "11:00", "13:00")
    assert not is_quiet(noon, "13:00", "11:00")
    assert not is_quiet(noon, "12:00", "12:00")
