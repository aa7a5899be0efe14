"""Which answers may stand for an assessment of another course; until when one that closed may be opened again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from prom_server.core.late import InfusedSince, NextOneOpen, NotClosed, check, latest_day
from prom_server.core.satisfying import Sent, Wanting, chosen, serves
from prom_server.core.schedule import Anchor, Offset, Status, TimePoint

DAY = timedelta(days=1)
DUE = date(2026, 12, 1)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 19, tzinfo=UTC)


def point(anchor: Anchor = Anchor.FIRST_INFUSION, *, baseline: bool = True) -> TimePoint:
    days = [Offset(each) for each in (-30, 0, 1, 30)]
    return TimePoint("p", "P", "p", anchor, *days, closes_at_first_infusion=baseline)


def sent(day: date = DUE, instrument: str = "phq-9", *, course: int = 1, id_: int = 1) -> Sent:
    return Sent(id_, 7, course, instrument, noon(day), noon(day), day)


def wanting(of: TimePoint | None = None, *, course: int = 2, due: date = DUE) -> Wanting:
    of = of or point()
    return Wanting(9, course, of, of.window(due), ("phq-9", "gad-7"))


FOLLOW_UP = point(Anchor.LATEST_INFUSION, baseline=False)


@pytest.mark.parametrize(("days", "expected"), [(-15, False), (-14, True), (0, True), (14, True), (15, False)])
def test_within_fourteen_days_of_the_due_day_either_side(days: int, expected: bool) -> None:
    assert serves(sent(DUE + days * DAY), wanting(), {}) is expected


def test_only_on_a_day_on_which_it_could_have_been_answered_itself() -> None:
    narrow = wanting(replace(point(), opens=Offset(-3), closes=Offset(3)))
    assert [serves(sent(DUE + days * DAY), narrow, {}) for days in (-4, -3, 3, 4)] == [False, True, True, False]


def test_the_same_instrument_of_another_course_only() -> None:
    assert not serves(sent(instrument="pcs"), wanting(), {})
    assert not serves(sent(course=2), wanting(course=2), {})


def test_a_baseline_takes_what_was_sent_before_its_first_infusion() -> None:
    began = noon(DUE)
    before, after = replace(sent(), at=began - timedelta(minutes=1)), replace(sent(), at=began)
    assert serves(before, wanting(), {1: noon(DUE - 90 * DAY), 2: began})
    assert not serves(after, wanting(), {2: began})


def test_a_course_that_was_never_infused_ends_with_the_next_one() -> None:
    assert not serves(sent(), wanting(), {3: noon(DUE - DAY)})


def test_a_follow_up_takes_what_was_sent_before_the_next_course_began() -> None:
    its_own = wanting(FOLLOW_UP, course=1)
    began, next_began = noon(DUE - 90 * DAY), noon(DUE + DAY)
    assert serves(sent(course=2), its_own, {1: began, 2: next_began})
    assert not serves(sent(DUE + 2 * DAY, course=2), its_own, {1: began, 2: next_began})


def test_what_was_sent_before_its_course_began_is_no_follow_up() -> None:
    of_second = wanting(FOLLOW_UP)
    assert not serves(sent(DUE - DAY), of_second, {1: noon(DUE - 90 * DAY)})  # not begun at all
    assert not serves(sent(DUE - DAY), of_second, {2: noon(DUE)})
    assert serves(sent(DUE), of_second, {2: noon(DUE)})


def test_a_course_without_infusions_has_none_to_come_after() -> None:
    assert serves(sent(), wanting(point(Anchor.START, baseline=False)), {})


def test_the_nearest_is_chosen_and_of_two_as_near_the_later() -> None:
    far, early, late = (sent(DUE + days * DAY, id_=n) for n, days in enumerate((5, -2, 2), 1))
    other = sent(DUE + 9 * DAY, "gad-7", id_=4)
    assert [each.id for each in chosen([late, other, far, early], wanting(), {})] == [3, 4]
    assert chosen([sent(DUE + 20 * DAY)], wanting(), {}) == ()


def test_until_thirty_days_from_today_but_never_into_the_next_window() -> None:
    assert latest_day(DUE, None) == DUE + 30 * DAY
    assert latest_day(DUE, DUE + 31 * DAY) == DUE + 30 * DAY
    assert latest_day(DUE, DUE + 10 * DAY) == DUE + 9 * DAY
    assert latest_day(DUE, DUE + DAY) == DUE
    with pytest.raises(NextOneOpen):
        latest_day(DUE, DUE)


def test_only_what_closed_by_its_day_is_opened_again() -> None:
    for status in Status:
        if status in {Status.EXPIRED, Status.PARTIALLY_COMPLETED}:
            check(point(), status, infused=False)
            check(FOLLOW_UP, status, infused=True)
        else:
            with pytest.raises(NotClosed):
                check(point(), status, infused=False)
    with pytest.raises(InfusedSince):
        check(point(), Status.EXPIRED, infused=True)
