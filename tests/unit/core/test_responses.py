"""Answers as they stand, in fixed forms and in adaptive ones."""

from dataclasses import replace

import pytest

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.responses import (
    Current,
    ItemState,
    check_value,
    first_open,
    most_items,
    path,
    scored_answers,
    shown_items,
    states,
)
from prom_server.core.rules import RatingRule
from tests.support.toy import GRADED, RULE, adaptive

ADAPTIVE = adaptive()
FIXED = replace(
    ADAPTIVE,
    scales=(replace(ADAPTIVE.scales[0], rule=RatingRule()),),
    items=(*ADAPTIVE.items[:5], replace(ADAPTIVE.items[5], scored=False, shown_if_any_above=1)),
)


def responses(**values: int | None) -> dict[str, Current]:
    return {item: Current(value, sequence) for sequence, (item, value) in enumerate(values.items(), 1)}


def shown(instrument: Instrument, **values: int | None) -> list[str]:
    return [item.id for item in shown_items(instrument, responses(**values))]


# ---- Fixed forms


@pytest.mark.parametrize(
    ("answers", "is_shown"),
    [({}, False), ({"low": 1}, False), ({"low": 2}, True), ({"low": None}, False), ({"low": None, "weak": 3}, True)],
)
def test_an_item_that_depends_on_others_is_shown_when_one_is_above(
    answers: dict[str, int | None], *, is_shown: bool
) -> None:
    assert shown(FIXED, **answers) == [*list(GRADED)[:5], *(["last"] if is_shown else [])]


def test_its_own_answer_does_not_show_it() -> None:
    assert "last" not in shown(FIXED, last=4)


def test_answered_skipped_not_reached_and_not_shown_stay_different() -> None:
    found = states(FIXED, responses(weak=1, low=None))
    assert list(found) == list(GRADED)
    assert [found[item] for item in ("weak", "low", "middle", "last")] == [
        ItemState.ANSWERED,
        ItemState.SKIPPED,
        ItemState.NOT_REACHED,
        ItemState.NOT_SHOWN,
    ]


def test_the_first_open_item_is_neither_answered_nor_skipped() -> None:
    items = FIXED.items[:3]
    assert [first_open(items, responses(**of)) for of in ({}, {"weak": 1, "low": None}, {"low": 1})] == [0, 2, 0]
    assert first_open(items, responses(weak=1, low=None, middle=2)) == 3


def test_every_scored_item_is_handed_to_scoring_answered_or_not() -> None:
    assert scored_answers(FIXED, responses(weak=1, low=None, last=3)) == {
        "weak": 1,
        "low": None,
        "middle": None,
        "high": None,
        "wide": None,
    }


def test_a_value_must_be_an_option() -> None:
    check_value(FIXED.items[0], 4)
    with pytest.raises(InvalidAnswer, match="5 is no option of weak") as refusal:
        check_value(FIXED.items[0], 5)
    assert refusal.value.item == "weak"


def test_how_many_items_are_asked_at_most() -> None:
    assert (most_items(FIXED), most_items(ADAPTIVE)) == (6, RULE.most)


# ---- Adaptive ones


def test_what_was_asked_is_shown_and_what_to_ask_next() -> None:
    assert shown(ADAPTIVE) == ["middle"]
    assert shown(ADAPTIVE, middle=1) == ["middle", "low"]
    assert shown(ADAPTIVE, middle=None) == ["middle", path(ADAPTIVE, responses(middle=None)).item]


def test_after_the_end_only_what_was_asked_is_shown() -> None:
    answers: dict[str, int | None] = {}
    while item := path(ADAPTIVE, responses(**answers)).item:
        answers[item] = 2
    assert shown(ADAPTIVE, **answers) == list(answers)
    assert first_open(shown_items(ADAPTIVE, responses(**answers)), responses(**answers)) == len(answers)


def test_an_answer_off_the_way_is_neither_shown_nor_scored() -> None:
    assert shown(ADAPTIVE, middle=1, high=3) == ["middle", "low"]
    assert scored_answers(ADAPTIVE, responses(middle=1, high=3)) == {"middle": 1}
    assert states(ADAPTIVE, responses(middle=1, high=3))["high"] is ItemState.NOT_SHOWN


def test_asked_answered_skipped_and_next_stay_different() -> None:
    found = states(ADAPTIVE, responses(middle=None))
    following = path(ADAPTIVE, responses(middle=None)).item
    assert found.pop("middle") is ItemState.SKIPPED
    assert found.pop(following or "") is ItemState.NOT_REACHED
    assert set(found.values()) == {ItemState.NOT_SHOWN}


def test_skipped_items_are_scored_as_skipped() -> None:
    following = path(ADAPTIVE, responses(middle=None)).item
    assert following is not None
    answers = {"middle": None, following: 2}
    assert scored_answers(ADAPTIVE, responses(**answers)) == answers
