"""The funnel adds up, whatever the facts; each assessment has one channel and one furthest stage."""

from datetime import date
from random import Random

import pytest

from prom_server.core.funnel import (
    STAGES,
    Apart,
    Channel,
    Facts,
    Funnel,
    ImplausiblePeriod,
    Row,
    Stage,
    apart,
    channel,
    funnel,
    last_months,
    period,
    stage,
)

FIRST, LAST = date(2025, 11, 23), date(2026, 11, 23)
NAMES = {"baseline": "Baseline", "month-3": "3 months"}
CHANNELS = (None, None, "email", "sms", "link")


def some_facts(chance: Random) -> Facts:
    """Anything that the columns could hold, sensible or not."""
    flags = ("to_come", "cancelled", "declined", "tablet", "opened", "identified", "started", "finished")
    return Facts(
        chance.choice(["baseline", "month-3", "of a file that is gone"]),
        stopped=chance.choice([None, None, None, Apart.WITHDRAWN, Apart.DECEASED]),
        link=chance.choice(CHANNELS),
        mode=chance.choice([None, "own_device", "kiosk", "telephone", "paper"]),
        by_link=chance.choice(CHANNELS),
        **{name: chance.random() < 0.3 for name in flags},
    )


def made(*found: Facts) -> Funnel:
    return funnel(FIRST, LAST, [(each, 1) for each in found], NAMES)


@pytest.mark.parametrize("seed", range(60))
def test_it_adds_up(seed: int) -> None:
    chance = Random(seed)
    found = [(some_facts(chance), chance.randint(1, 9)) for _ in range(chance.randint(0, 80))]
    everybody = sum(number for _, number in found)
    view = funnel(FIRST, LAST, found, NAMES)
    assert view.total.of == everybody == sum(each.of for each in view.time_points)
    for table in (view.total, *view.time_points):
        assert [sum(column) for column in zip(*(row.reached for row in table.rows), strict=True)] == list(
            table.total.reached if table.rows else ()
        )
        for row in (table.total, *table.rows):
            for before, stopped, after in zip(row.reached, row.stopped, row.reached[1:], strict=False):
                assert before == stopped + after
                assert stopped >= 0
    for index in range(len(STAGES)):
        assert view.total.total.reached[index] == sum(each.total.reached[index] for each in view.time_points)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts("b"), (Channel.NOTHING, Stage.DUE)),
        (Facts("b", link="email"), (Channel.EMAIL, Stage.SENT)),
        (Facts("b", link="sms", opened=True), (Channel.SMS, Stage.OPENED)),
        (Facts("b", link="email", tablet=True), (Channel.TABLET, Stage.SENT)),  # the last by which it was asked for
        (Facts("b", link="email", identified=True), (Channel.EMAIL, Stage.IDENTIFIED)),  # a look that nobody noted
        (
            Facts("b", link="sms", by_link="email", started=True, mode="own_device"),
            (Channel.EMAIL, Stage.STARTED),
        ),  # started by the first, whatever came later
        (Facts("b", link="email", tablet=True, started=True, mode="own_device"), (Channel.EMAIL, Stage.STARTED)),
        (Facts("b", link="email", finished=True, started=True, mode="kiosk"), (Channel.TABLET, Stage.FINISHED)),
        (Facts("b", started=True, mode="telephone"), (Channel.STAFF, Stage.STARTED)),
        (Facts("b", finished=True, started=True, mode="paper"), (Channel.STAFF, Stage.FINISHED)),
        (
            Facts("b", link="link", finished=True, mode="own_device"),
            (Channel.LINK, Stage.FINISHED),
        ),  # served by another
        (Facts("b", started=True), (Channel.LINK, Stage.STARTED)),  # every part was entered in error
    ],
)
def test_one_channel_and_the_furthest_stage(facts: Facts, expected: tuple[Channel, Stage]) -> None:
    assert (channel(facts), stage(facts)) == expected
    assert apart(facts) is None


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts("b", to_come=True, link="email"), Apart.TO_COME),
        (Facts("b", to_come=True, started=True), None),
        (Facts("b", declined=True, opened=True), Apart.DECLINED),
        (Facts("b", declined=True, cancelled=True), Apart.CANCELLED),
        (Facts("b", cancelled=True, stopped=Apart.WITHDRAWN), Apart.WITHDRAWN),
        (Facts("b", started=True, stopped=Apart.DECEASED), Apart.DECEASED),
        (Facts("b", finished=True, stopped=Apart.DECEASED, declined=True), None),
    ],
)
def test_what_is_counted_apart(facts: Facts, expected: Apart | None) -> None:
    assert apart(facts) is expected
    view = made(facts)
    assert view.total.apart == (((expected, 1),) if expected else ())
    assert view.total.total.reached[0] == (expected is None)


def test_a_row_says_where_they_stopped() -> None:
    view = made(
        Facts("month-3", link="email"),
        Facts("month-3", link="email", opened=True),
        Facts("month-3", link="email", opened=True, identified=True, started=True, mode="own_device"),
        Facts("month-3"),
    )
    (table,) = view.time_points
    assert (table.time_point, table.name) == ("month-3", "3 months")
    assert table.rows == (Row(Channel.EMAIL, (3, 3, 2, 1, 1, 0)), Row(Channel.NOTHING, (1, 0, 0, 0, 0, 0)))
    assert table.rows[0].stopped == (0, 1, 1, 0, 1)


def test_periods() -> None:
    assert last_months(date(2026, 8, 31), 6) == (date(2026, 2, 28), date(2026, 8, 31))
    assert period(FIRST, FIRST) == (FIRST, FIRST)
    for first, last in ((LAST, FIRST), (date(2024, 11, 22), LAST)):
        with pytest.raises(ImplausiblePeriod):
            period(first, last)
