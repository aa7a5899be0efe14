"""When somebody is rung again, whose wish stands, and what cannot be recorded."""

from datetime import UTC, date, datetime, timedelta

import pytest

from prom_server.core.calls import (
    CallBackOutside,
    MessageNotAllowed,
    Outcome,
    ReasonNeeded,
    Said,
    again_at,
    check,
    wish,
)
from prom_server.core.opening_hours import WEEKDAYS, OpeningHours

DENVER = "America/Denver"
HOURS = OpeningHours(DENVER, WEEKDAYS, frozenset({date(2026, 11, 26)}))
MONDAY = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)  # noon
DAY = timedelta(days=1)


def eight(day: int) -> datetime:
    return datetime(2026, 11, day, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("outcome", "at", "expected"),
    [
        (Outcome.NO_ANSWER, MONDAY, eight(24)),
        (Outcome.NO_ANSWER, datetime(2026, 11, 24, 6, 30, tzinfo=UTC), eight(24)),  # still Monday in Denver
        (Outcome.LEFT_MESSAGE, MONDAY + 2 * DAY, eight(27)),  # Thursday is a holiday
        (Outcome.NO_ANSWER, MONDAY + 4 * DAY, eight(30)),  # a Friday: Monday
        (Outcome.ONLINE, MONDAY, eight(27)),  # Thursday is a holiday
        (Outcome.DECLINED, MONDAY, eight(24)),  # about something else
        (Outcome.WRONG_NUMBER, MONDAY, None),
    ],
)
def test_again_on_the_morning_of_an_opening_day(outcome: Outcome, at: datetime, expected: datetime | None) -> None:
    assert again_at(outcome, at, HOURS) == expected


@pytest.mark.parametrize(
    ("outcome", "asked", "expected"),
    [
        (Outcome.CALL_BACK, None, eight(27)),
        (Outcome.CALL_BACK, eight(25), eight(27)),
        (Outcome.NO_ANSWER, None, None),
        (Outcome.NO_ANSWER, eight(24), eight(27)),  # it was honoured, in vain
        (Outcome.LEFT_MESSAGE, eight(30), eight(30)),  # rung before the time that was named
        (Outcome.WRONG_NUMBER, eight(24), eight(24)),
        (Outcome.ONLINE, eight(24), None),
        (Outcome.DECLINED, eight(24), None),
        (Outcome.DONE, eight(24), None),
    ],
)
def test_a_wish_stands_until_somebody_spoke(
    outcome: Outcome, asked: datetime | None, expected: datetime | None
) -> None:
    next_at = None if outcome is Outcome.WRONG_NUMBER else eight(27)
    assert wish(outcome, asked, next_at) == expected


@pytest.mark.parametrize("may", [None, False])
def test_no_message_where_none_may_be_left(may: bool | None) -> None:
    said = Said(Outcome.LEFT_MESSAGE, 0)
    with pytest.raises(MessageNotAllowed):
        check(said, may, MONDAY, MONDAY.date(), DENVER)
    check(said, True, MONDAY, MONDAY.date(), DENVER)


def test_a_call_back_lies_between_now_and_the_end_of_the_last_day() -> None:
    last_day = date(2026, 11, 25)
    ends = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)  # midnight in Denver
    for when in (MONDAY + timedelta(minutes=1), ends - timedelta(minutes=1)):
        check(Said(Outcome.CALL_BACK, 0, call_back_at=when), None, MONDAY, last_day, DENVER)
    for refused in (None, MONDAY, MONDAY - DAY, ends):
        with pytest.raises(CallBackOutside):
            check(Said(Outcome.CALL_BACK, 0, call_back_at=refused), None, MONDAY, last_day, DENVER)


def test_a_decline_has_a_reason() -> None:
    for note in (None, ""):
        with pytest.raises(ReasonNeeded):
            check(Said(Outcome.DECLINED, 0, note), True, MONDAY, MONDAY.date(), DENVER)
    check(Said(Outcome.DECLINED, 0, "No time."), True, MONDAY, MONDAY.date(), DENVER)
