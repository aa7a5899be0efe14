"""Where a patient stands in a part, and what its pages say: a fixed instrument beside an adaptive one."""

from dataclasses import replace
from decimal import Decimal

import pytest

from prom_server.core.instrument import Instrument
from prom_server.core.permissions import ClinicFacts
from prom_server.core.responses import Current, ItemState, states
from prom_server.core.rules import AdaptiveRule, PatternRule, Row, TableRule
from prom_server.core.visit import PartState, Place, after, next_place
from prom_server.core.visit_views import ReviewView, StepView, review_view, step_view
from tests.support import toy

CLINIC = ClinicFacts(1, "c", "Clinic", True, "UTC", "1", "always", "letter")
ALWAYS = AdaptiveRule(least=2, most=4, se_below=Decimal("0.001"), most_skipped=2, source="made up")  # never precise
ADAPTIVE = toy.adaptive(ALWAYS)


def part(instrument: Instrument, **values: int | None) -> PartState:
    responses = {item: Current(value, number) for number, (item, value) in enumerate(values.items(), 1)}
    return PartState(1, 1, instrument, responses, len(responses), submitted=False)


def walk(instrument: Instrument, *values: int | None) -> PartState:
    """Answers so many items as they are asked."""
    now = part(instrument)
    for number, value in enumerate(values, 1):
        now = now.answering(now.items[now.place - 1].id, Current(value, number))
    return now


def step(of: PartState, number: int) -> StepView:
    return step_view(CLINIC, (of,), of, number)


def review(of: PartState) -> ReviewView:
    return review_view(CLINIC, (of,), of)


def test_an_adaptive_part_has_a_step_for_what_was_asked_and_one_for_what_is_next() -> None:
    begun = walk(ADAPTIVE, 4, 4)
    assert len(begun.items) == 3
    assert next_place([begun]) == Place(1, 3)
    assert not begun.ended


def test_the_number_of_steps_is_never_passed_by_the_step() -> None:
    for values in ([], [1], [None], [None, 4, 4], [4, None, 4], [4, 4, 4]):
        now = walk(ADAPTIVE, *values)
        view = step(now, now.place)
        assert (view.at_most, view.steps) == (True, 4 + values.count(None))
        assert view.step <= view.steps
        assert view.step == len(values) + 1


def test_after_the_end_the_number_of_steps_is_known() -> None:
    view = step(walk(ADAPTIVE, 4, None, 4, 4, 4), 2)
    assert (view.at_most, view.steps, view.skipped) == (False, 5, True)


def test_what_follows_an_adaptive_step_is_not_known_before_its_answer() -> None:
    assert step(walk(ADAPTIVE, 4), 2).following is None
    assert step(walk(ADAPTIVE, 4), 1).following is None


@pytest.mark.parametrize(("values", "seconds"), [([], 10), ([4], 7.5), ([None], 10), ([4, 4, 4], 2.5), ([4] * 4, 0)])
def test_the_time_left_is_for_the_answers_that_are_left_at_most(values: list[int | None], seconds: float) -> None:
    assert walk(ADAPTIVE, *values).seconds_left == seconds


def test_after_a_changed_answer_next_leads_to_the_one_open_step() -> None:
    high = walk(ADAPTIVE, 4, 4, 4)
    first = high.items[0].id
    changed = high.answering(first, Current(1, 4))
    assert [item.id for item in changed.items] != [item.id for item in high.items]
    assert after(changed, 1) == Place(1, len(changed.items))
    assert changed.items[-1].id not in high.responses


def test_what_was_answered_off_the_way_stays_and_counts_for_nothing_until_the_way_comes_back() -> None:
    high = walk(ADAPTIVE, 4, 4, 4)
    first = high.items[0].id
    changed = high.answering(first, Current(1, 4))
    off = {item for item, state in states(ADAPTIVE, changed.responses).items() if state is ItemState.NOT_SHOWN}
    assert off & set(high.responses)
    back = changed.answering(first, Current(4, 5))
    assert back.items == high.items
    assert back.place == 4  # nothing is asked again


def test_the_review_of_an_adaptive_part_counts_answers_and_lists_what_was_skipped() -> None:
    view = review(walk(ADAPTIVE, 4, None, 4, 4, 4))
    assert view.adaptive
    assert [(each.answered, each.items) for each in view.sections] == [(4, 5)]
    (missing,) = view.missing
    assert (missing.step, missing.costs, missing.prorated, missing.pattern) == (2, (), (), ())


def test_it_says_so_when_too_few_answers_or_only_their_pattern_is_left() -> None:
    none = review(walk(ADAPTIVE, None, None))
    assert [each.costs for each in none.missing] == [("One",), ("One",)]
    pattern = review(walk(ADAPTIVE, None, 4, 4, None))
    assert [(each.costs, each.pattern) for each in pattern.missing] == [((), ("One",)), ((), ("One",))]


def fixed(pattern: PatternRule | None) -> Instrument:
    base = toy.adaptive()
    rule = TableRule({total: Row(Decimal(50), None) for total in range(6, 25)}, "made up", pattern)
    return replace(base, scales=(replace(base.scales[0], rule=rule),))


def test_a_fixed_part_with_a_missing_answer_is_scored_by_pattern_where_its_rule_says_so() -> None:
    values = dict.fromkeys(list(toy.GRADED)[:5], 2) | {"last": None}
    scored = review(part(fixed(PatternRule(4, "made up")), **values)).missing[0]
    assert (scored.costs, scored.pattern) == ((), ("One",))
    unscored = review(part(fixed(None), **values)).missing[0]
    assert (unscored.costs, unscored.pattern) == (("One",), ())


def test_a_fixed_part_leads_on_step_by_step_to_its_review() -> None:
    now = part(fixed(None), weak=1, low=2)
    assert step(now, 1).following == Place(1, 2)
    assert (step(now, 3).steps, step(now, 3).at_most) == (6, False)
    assert after(part(fixed(None), **dict.fromkeys(toy.GRADED, 1)), 6) == Place(1, 0)


def test_a_skip_costs_nothing_where_there_is_no_table_to_score_with() -> None:
    base = fixed(None)
    without = replace(base, scales=(replace(base.scales[0], rule=TableRule({}, "made up")),))
    (missing,) = review(part(without, **dict.fromkeys(list(toy.GRADED)[:5], 2) | {"last": None})).missing
    assert (missing.costs, missing.prorated, missing.pattern) == ((), (), ())
