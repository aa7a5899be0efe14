"""The table of a form from its items' parameters: the recursion against every pattern, one by one."""

import itertools
import math

import numpy as np
import pytest

from prom_server.core.irt import (
    THETA,
    Graded,
    item_bank,
    log_probabilities,
    pattern_estimate,
    sum_score_table,
)
from tests.support.toy import GRADED

GRID = np.arange(-45, 46) / 10


def test_the_recursion_is_the_sum_over_every_pattern() -> None:
    """Of an uneven form: 4, 2 and 3 categories, 24 patterns."""
    form = (GRADED["weak"], Graded(1.7, (0.3,)), Graded(2.2, (-0.4, 0.9)))
    curves = [np.exp(log_probabilities(graded, GRID)) for graded in form]
    likelihood = np.zeros((7, 91))
    for pattern in itertools.product(range(4), range(2), range(3)):
        likelihood[sum(pattern)] += math.prod(curve[k] for curve, k in zip(curves, pattern, strict=True))
    weights = likelihood * np.exp(-(GRID**2) / 2)
    weights /= weights.sum(axis=1, keepdims=True)
    found = sum_score_table(form, GRID)
    assert len(found) == 7
    for each, of_sum in zip(found, weights, strict=True):
        mean = float(of_sum @ GRID)
        assert each == pytest.approx((mean, math.sqrt(of_sum @ (GRID - mean) ** 2)), rel=1e-12)


def test_the_order_of_items_does_not_matter_to_a_table() -> None:
    form = list(GRADED.values())
    assert np.array(sum_score_table(form, THETA)) == pytest.approx(np.array(sum_score_table(form[::-1], THETA)))


@pytest.mark.parametrize("graded", [*GRADED.values(), Graded(5.0, (0.5,))])
def test_a_table_of_one_item_is_its_pattern_scores(graded: Graded) -> None:
    bank = item_bank({"one": (graded, 0)})
    table = sum_score_table([graded], THETA)
    assert len(table) == len(graded.b) + 1
    for points, found in enumerate(table):
        assert found == pytest.approx(pattern_estimate(bank, {"one": points}), abs=1e-9)
