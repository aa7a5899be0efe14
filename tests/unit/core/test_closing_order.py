"""How wide a stretch of the index must be for every window that a time point can have."""

from datetime import date, timedelta

from prom_server.core.closing_order import Span, span, spans, stretch
from prom_server.core.schedule import NOT_INFUSED_YET, Anchor, Offset, TimePoint
from prom_server.core.worklist import Show

DAY = timedelta(days=1)
TODAY = date(2026, 11, 23)


def point(*days: int, months: int = 0, first: bool = False) -> TimePoint:
    opens, due, overdue, closes = (Offset(each, months) for each in days)
    return TimePoint("later", "Later", "later", Anchor.LATEST_INFUSION, opens, due, overdue, closes, first)


def test_days_are_as_the_file_says() -> None:
    assert span(point(76, 90, 97, 120)) == Span(44 * DAY, 30 * DAY, 23 * DAY, 23 * DAY)


def test_what_closes_with_the_first_infusion_may_be_put_off() -> None:
    put_off = NOT_INFUSED_YET
    assert span(point(-30, 0, 1, 0, first=True)) == Span(30 * DAY + put_off, put_off, put_off - DAY, -DAY)


def test_months_are_as_long_as_they_can_be() -> None:
    """Six months from an anchor: opens counted from the fifth, closes from the seventh."""
    months = TimePoint("m", "m", "m", Anchor.START, Offset(0, 5), Offset(0, 6), Offset(7, 6), Offset(0, 7))
    found = span(months)
    assert (found.opens, found.due) == (62 * DAY, 31 * DAY)  # from 1 July to 1 September; any long month
    assert (found.overdue, found.overdue_least) == (24 * DAY, 21 * DAY)  # February has 28 days


def test_a_time_point_of_two_protocols_holds_both() -> None:
    one, other = point(76, 90, 97, 120), point(85, 90, 120, 121)
    assert spans([one, other])["later"] == Span(44 * DAY, 31 * DAY, 23 * DAY, DAY)


def test_what_is_due_lies_behind_what_is_overdue() -> None:
    of = span(point(76, 90, 97, 120))
    assert stretch(Show.ALL, of, TODAY) == (TODAY, TODAY + 44 * DAY)
    assert stretch(Show.OVERDUE, of, TODAY) == (TODAY, TODAY + 23 * DAY)
    assert stretch(Show.DUE, of, TODAY) == (TODAY + 24 * DAY, TODAY + 30 * DAY)
    assert stretch(Show.CLOSING, of, TODAY) == (TODAY, TODAY + 7 * DAY)
    assert stretch(Show.CLOSING, span(point(0, 0, 1, 3)), TODAY) == (TODAY, TODAY + 3 * DAY)
