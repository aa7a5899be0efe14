"""Adaptive tests: what is asked next, when they end, and that a state follows from the answers alone."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prom_server.core.cat import State, Stop, begin, replay, start
from prom_server.core.irt import PRIOR, THETA, fisher_information, item_bank, pattern_estimate
from prom_server.core.rules import AdaptiveRule, RatingRule
from tests.support.toy import GRADED, POINTS, RULE, adaptive

TOY = adaptive()
BANK = TOY.bank
ENDLESS = AdaptiveRule(least=1, most=99, se_below=Decimal("0.001"), most_skipped=99, source="made up")

values = st.lists(st.one_of(st.none(), st.sampled_from(POINTS)), min_size=6, max_size=6)


def rule(**changes: Any) -> AdaptiveRule:
    return replace(ENDLESS, **changes)


def walked(rule: AdaptiveRule, *points: int | None) -> State:
    state = begin(BANK, rule)
    for each in points:
        state = state.after(each)
    return state


def answers_of(path: list[int | None], rule: AdaptiveRule = RULE) -> dict[str, int | None]:
    """Item -> value along the way that these values lead, up to its end."""
    state, answers = begin(BANK, rule), {}
    for value in path:
        if state.item is None:
            break
        answers[state.item] = value
        state = state.after(value)
    return answers


# ---- The next item


def test_the_first_item_tells_most_under_the_prior() -> None:
    told = {item: float(fisher_information(graded, THETA) @ PRIOR) for item, graded in GRADED.items()}
    state = start(TOY)
    assert state.item == max(told, key=lambda item: told[item]) == "middle"
    assert (state.asked, state.answered, state.stop) == ((), 0, None)
    assert state.estimate == pattern_estimate(BANK, {})


@pytest.mark.parametrize(("points", "item"), [(1, "low"), (4, "high")])
def test_the_next_item_tells_most_about_this_person(points: int, item: str) -> None:
    assert walked(RULE, points).item == item


def test_it_is_weighted_by_the_posterior_not_taken_at_the_estimate() -> None:
    """A steep item tells most at the very estimate, and next to nothing beside it."""
    steep_here = {"narrow": replace(GRADED["wide"], a=3.0, b=(0.0,)), "broad": replace(GRADED["wide"], a=2.5)}
    bank = item_bank({item: (graded, 1) for item, graded in steep_here.items()})
    assert bank.information[0, 40] > bank.information[1, 40]
    assert begin(bank, ENDLESS).item == "broad"


def test_of_two_items_that_tell_the_same_the_first_in_the_bank_is_asked() -> None:
    """Of a bank as long as the longest, the same item again and again: no rounding may tell them apart."""
    bank = item_bank({f"twin {n}": (GRADED["wide"], 1) for n in range(95)})
    state = begin(bank, ENDLESS)
    while state.item is not None:
        state = state.after(2)
    assert state.asked == bank.ids


def test_a_skipped_item_changes_nothing_but_that_another_is_asked() -> None:
    state = walked(RULE, None)
    assert (state.asked, state.answered, state.item) == (("middle",), 0, "low")
    assert state.estimate == start(TOY).estimate
    assert walked(RULE, None, 4).estimate == pytest.approx(pattern_estimate(BANK, {"low": 4}))


@given(values)
def test_nothing_is_asked_twice(path: list[int | None]) -> None:
    state = walked(ENDLESS, *path)
    assert sorted(state.asked) == sorted(GRADED)
    assert (state.item, state.stop) == (None, Stop.EXHAUSTED)


@given(values)
def test_the_estimate_is_that_of_the_pattern(path: list[int | None]) -> None:
    points = {item: value for item, value in answers_of(path).items() if value is not None}
    assert replay(TOY, answers_of(path)).estimate == pytest.approx(pattern_estimate(BANK, points), abs=1e-12)


# ---- The end


def test_it_ends_when_the_standard_error_is_below_the_rules() -> None:
    errors = [walked(ENDLESS, *[2] * n).estimate.se for n in range(5)]
    assert errors == sorted(errors, reverse=True)
    midway = Decimal(str(round((errors[2] + errors[3]) / 2, 6)))
    assert [walked(rule(se_below=midway), *[2] * n).stop for n in (2, 3)] == [None, Stop.PRECISION]


def test_exactly_the_rules_standard_error_is_not_below_it() -> None:
    exact = Decimal(walked(ENDLESS, 2, 2).estimate.se)
    assert walked(rule(se_below=exact), 2, 2).stop is None
    assert walked(rule(se_below=exact + Decimal("1e-12")), 2, 2).stop is Stop.PRECISION


def test_precision_needs_the_least_number_of_answers() -> None:
    precise = rule(least=3, se_below=Decimal(2))
    assert [walked(precise, *[2] * n).stop for n in range(4)] == [None, None, None, Stop.PRECISION]
    assert walked(precise, 2, 2, None).stop is None


def test_it_ends_at_the_most_answers_skipped_ones_not_counted() -> None:
    long = rule(most=3)
    assert [walked(long, *[2] * n).stop for n in (2, 3)] == [None, Stop.LENGTH]
    assert [walked(long, 2, None, 2).stop, walked(long, 2, None, 2, 2).stop] == [None, Stop.LENGTH]


def test_it_ends_at_the_most_skipped_items() -> None:
    patient = rule(most_skipped=2)
    assert [walked(patient, *[None] * n).stop for n in (1, 2)] == [None, Stop.SKIPPED]
    assert [walked(patient, None, 2, 3).stop, walked(patient, None, 2, 3, None).stop] == [None, Stop.SKIPPED]


def test_it_ends_when_no_item_is_left() -> None:
    assert [walked(ENDLESS, *[2] * n).stop for n in (5, 6)] == [None, Stop.EXHAUSTED]


@pytest.mark.parametrize(
    ("rule_", "stop"),
    [
        (rule(se_below=Decimal(2), most=2, most_skipped=1), Stop.PRECISION),
        (rule(most=2, most_skipped=1), Stop.LENGTH),
    ],
)
def test_of_two_ends_at_once_the_better_one_is_named(rule_: AdaptiveRule, stop: Stop) -> None:
    only_three = item_bank({item: (GRADED[item], 1) for item in ("low", "middle", "high")})
    state = begin(only_three, replace(rule_, least=2))
    assert state.after(2).after(2).stop is stop


@given(values)
def test_an_item_or_a_reason_never_both(path: list[int | None]) -> None:
    state = begin(BANK, RULE)
    for value in path:
        assert (state.item is None) is (state.stop is not None)
        if state.item is None:
            break
        assert (state.item in GRADED, state.item in state.asked) == (True, False)
        state = state.after(value)
    assert state.answered <= RULE.most


def test_after_the_end_there_is_no_answer() -> None:
    over = walked(rule(most=1), 2)
    with pytest.raises(ValueError, match=r"^the test has ended$"):
        over.after(2)


# ---- Replaying


@given(values)
def test_a_replay_is_the_walk(path: list[int | None]) -> None:
    answers = answers_of(path)
    walk, again = walked(RULE, *answers.values()), replay(TOY, answers)
    assert (again.asked, again.answered, again.item, again.stop) == (walk.asked, walk.answered, walk.item, walk.stop)
    assert again.estimate == walk.estimate
    assert np.array_equal(again.likelihood, walk.likelihood)


def test_the_order_of_the_answers_does_not_matter_to_a_replay() -> None:
    answers = answers_of([2, None, 3, 1])
    assert replay(TOY, dict(reversed(answers.items()))).asked == tuple(answers)


def test_an_answer_off_the_way_counts_for_nothing() -> None:
    answers = answers_of([2, 3])
    assert "high" not in (*answers, replay(TOY, answers).item)
    state = replay(TOY, {**answers, "high": 4})
    assert (state.asked, state.estimate) == (tuple(answers), replay(TOY, answers).estimate)


def test_a_changed_earlier_answer_leads_elsewhere() -> None:
    answers = answers_of([1, 2])
    assert list(answers) == ["middle", "low"]
    changed = replay(TOY, {**answers, "middle": 4})
    assert (changed.asked, changed.item) == (("middle",), "high")
    assert changed.estimate == pytest.approx(pattern_estimate(BANK, {"middle": 4}))
    assert replay(TOY, {**answers, "middle": 4, "high": 3}).asked[:2] == ("middle", "high")


def test_a_changed_answer_that_leads_the_same_way_keeps_the_later_ones() -> None:
    answers = answers_of([2, 2])
    changed = replay(TOY, {**answers, list(answers)[-1]: 3})
    assert changed.asked == tuple(answers)
    assert changed.estimate != replay(TOY, answers).estimate


def test_option_values_count_as_their_points() -> None:
    """As in the reverse-worded items of a bank."""
    reverse = {1: 4, 2: 3, 3: 2, 4: 1}
    reversed_ = replace(TOY, items=tuple(replace(item, recode=reverse) for item in TOY.items))
    turned = replay(reversed_, {"middle": 1})
    assert turned.estimate == replay(TOY, {"middle": 4}).estimate
    assert turned.item == "high"
    skipped = replay(reversed_, {"middle": None, "low": 1})
    assert (skipped.asked, skipped.answered) == (("middle", "low"), 1)
    assert skipped.estimate == pytest.approx(pattern_estimate(BANK, {"low": 4}))


def test_only_an_adaptive_instrument_can_be_started() -> None:
    rated = replace(TOY, scales=(replace(TOY.scales[0], rule=RatingRule()),))
    with pytest.raises(ValueError, match="toy is not adaptive"):
        start(rated)
