"""The screening rule by bounds, held against trying every possible completion."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prom_server.core.screening import in_words, screen
from prom_server.definitions.library import Library

LIBRARY = Library.shipped()
PHQ9 = LIBRARY.get("phq-9")
ITEMS = [item.id for item in PHQ9.scored_items]
Values = list[int | None]


def screened(*values: int | None) -> dict[str, bool | None]:
    return screen(PHQ9, dict(zip(ITEMS, values, strict=True)))


def by_definition(values: tuple[int, ...]) -> tuple[bool, bool]:
    """The rule as printed, for complete answers."""
    positive = [value >= (1 if n == 8 else 2) for n, value in enumerate(values)]
    core, count = positive[0] or positive[1], sum(positive)
    return core and count >= 5, core and 2 <= count <= 4


def by_trying(values: Values) -> dict[str, bool | None]:
    choices = [[0, 1, 2, 3] if value is None else [value] for value in values]
    found = {by_definition(completed) for completed in itertools.product(*choices)}
    outcomes = [{major for major, _ in found}, {other for _, other in found}]
    return {
        rule: outcome.pop() if len(outcome) == 1 else None
        for rule, outcome in zip(("major", "other"), outcomes, strict=True)
    }


@st.composite
def few_missing(draw: st.DrawFn) -> Values:
    values: Values = [draw(st.integers(0, 3)) for _ in ITEMS]
    for n in draw(st.sets(st.integers(0, 8), max_size=5)):
        values[n] = None
    return values


@given(few_missing())
def test_bounds_agree_with_trying_every_completion(values: Values) -> None:
    assert screened(*values) == by_trying(values)


def test_every_pattern_of_positive_negative_and_missing() -> None:
    """The rule only sees whether an item is positive, so 3 to the 9th patterns are all there are."""
    for pattern in itertools.product((True, False, None), repeat=9):
        values: Values = [None if sign is None else 3 if sign else 0 for sign in pattern]
        core = {bool(sign) for sign in pattern[:2] if sign is not None}
        free_core = pattern[:2].count(None)
        known, free = pattern.count(True), pattern.count(None)
        outcomes = set()
        for more in range(free + 1):
            for core_more in range(max(0, more - (free - free_core)), min(free_core, more) + 1):
                positive_core = True in core or core_more > 0
                count = known + more
                outcomes.add((positive_core and count >= 5, positive_core and 2 <= count <= 4))
        expected = [{outcome[rule] for outcome in outcomes} for rule in (0, 1)]
        found = screened(*values)
        for rule, outcome in zip(("major", "other"), expected, strict=True):
            assert found[rule] == (outcome.pop() if len(outcome) == 1 else None), (pattern, rule)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2, 2, 2, None, 2, 0, 0, 0, 0], {"major": None, "other": None}),
        ([1, 1, 1, 1, 0, 0, 0, 0, None], {"major": False, "other": False}),
        ([2, 2, 2, 2, 2, 2, None, 0, 0], {"major": True, "other": False}),  # the missing one cannot change it
        ([2, 0, 0, 0, 0, 0, 0, 0, 1], {"major": False, "other": True}),  # item 9 is positive from 1
        ([None] * 9, {"major": None, "other": None}),
    ],
)
def test_known_answers(values: Values, expected: dict[str, bool | None]) -> None:
    assert screened(*values) == expected


def test_indeterminate_is_a_word_outside() -> None:
    assert in_words({"major": None, "other": False}) == {"major": "indeterminate", "other": False}


def test_an_instrument_without_a_rule_screens_nothing() -> None:
    gad7 = LIBRARY.get("gad-7")
    assert screen(gad7, {item.id: 3 for item in gad7.items}) == {}
