"""Which items stand together on a large screen."""

import pytest

from prom_server.core.responses import Current
from prom_server.core.screens import MOST_OPTIONS, screen
from prom_server.core.visit import PartState
from prom_server.definitions.library import Library

LIBRARY = Library.shipped()


def part(instrument: str, **values: int) -> PartState:
    responses = {item: Current(value, number) for number, (item, value) in enumerate(values.items(), 1)}
    return PartState(1, 1, LIBRARY.get(instrument), responses, len(responses), submitted=False)


def screens(of: PartState, most: int) -> list[tuple[int, ...]]:
    """Every screen of a part, in order; each is the same from whichever of its steps it is asked for."""
    found = list(dict.fromkeys(screen(of, step, most) for step in range(1, len(of.items) + 1)))
    assert [step for each in found for step in each] == list(range(1, len(of.items) + 1))
    return found


@pytest.mark.parametrize("instrument", ["phq-9", "promis-29", "promis-depression-cat"])
def test_one_by_one_unless_more_are_allowed(instrument: str) -> None:
    of = part(instrument)
    assert screens(of, 1) == [(step,) for step in range(1, len(of.items) + 1)]


def test_an_item_that_watches_for_a_risk_and_one_that_others_bring_stand_alone() -> None:
    """PHQ-9: its ninth item, and the tenth that any answer above 0 brings."""
    assert screens(part("phq-9"), 3) == [(1, 2, 3), (4, 5, 6), (7, 8), (9,)]
    assert screens(part("phq-9", phq1=1), 6) == [(1, 2, 3, 4, 5, 6), (7, 8), (9,), (10,)]


def test_only_what_is_asked_alike_stands_together() -> None:
    of = part("promis-29")
    for each in screens(of, 6):
        items = [of.items[step - 1] for step in each]
        assert len({(item.section, item.context, item.options) for item in items}) == 1
        assert len(items) == 1 or len(items[0].options) <= MOST_OPTIONS
    assert (29,) in screens(of, 6)  # 0 to 10


def test_an_adaptive_instrument_is_asked_one_by_one() -> None:
    of = part("promis-depression-cat")
    assert screen(of.answering(of.items[0].id, Current(3, 1)), 1, 6) == (1,)
