"""Change between two scores: threshold, measurement error, and the ends of a scale."""

from dataclasses import replace
from decimal import Decimal

import pytest

from prom_server.core.change import Direction, change
from prom_server.core.instrument import Better, Metric, MinimalDetectableChange, Scale, Threshold
from prom_server.core.scoring import Score
from tests.factories_trend import score, sum_scale, t_scale

# The vectors of the clinical reference, derived by hand: measure, baseline, follow-up, threshold, better, worse.
VECTORS = [
    ("phq9", 27, 15, 10, 5, True, False),  # exactly the threshold counts
    ("phq9", 27, 15, 11, 5, False, False),
    ("phq9", 27, 10, 15, 5, False, True),
    ("phq9", 27, 3, 0, 5, False, False),  # could not get better by that much
    ("gad7", 21, 12, 8, 4, True, False),
    ("pcs", 52, 38, 30, 8, True, False),
]


def summed(high: int, threshold: int | None, **more: object) -> Scale:
    found = Threshold(Decimal(threshold), "synthetic", "synthetic") if threshold else None
    return sum_scale("total", "Total", (), high, threshold=found, **more)


def total(value: int | None) -> Score:
    return score("total", Metric.SUM, None if value is None else str(value))


@pytest.mark.parametrize(("measure", "high", "before", "after", "threshold", "better", "worse"), VECTORS)
def test_the_vectors(
    measure: str, high: int, before: int, after: int, threshold: int, better: bool, worse: bool
) -> None:
    moved = change(summed(high, threshold), total(before), total(after))
    assert moved is not None
    assert (moved.verdict is Direction.BETTER) is better
    assert (moved.verdict is Direction.WORSE) is worse


def test_near_the_end_of_the_scale_is_said_apart() -> None:
    low = change(summed(27, 5), total(3), total(0))
    assert low is not None
    assert low.could_improve is False
    assert low.could_worsen is True
    high = change(summed(27, 5), total(25), total(27))
    assert high is not None
    assert high.could_improve is True
    assert high.could_worsen is False


def test_room_follows_the_direction() -> None:
    scale = replace(summed(27, 5), better=Better.HIGHER)
    moved = change(scale, total(3), total(9))
    assert moved is not None
    assert moved.direction is Direction.BETTER
    assert (moved.could_improve, moved.could_worsen) == (True, False)


@pytest.mark.parametrize(("before", "after"), [(None, 5), (5, None)])
def test_not_scorable_has_no_change(before: int | None, after: int | None) -> None:
    assert change(summed(27, 5), total(before), total(after)) is None


def test_no_baseline_has_no_change() -> None:
    assert change(summed(27, 5), None, total(5)) is None
    assert change(summed(27, 5), total(5), None) is None


def test_t_scores_compare_in_exact_tenths() -> None:
    """64.1 - 59.1 is less than 5 in binary floats."""
    scale = t_scale("x", "X", Better.LOWER, Threshold(Decimal(5), "synthetic", "synthetic"))
    moved = change(scale, score("x", Metric.T, "64.1"), score("x", Metric.T, "59.1"))
    assert moved is not None
    assert moved.difference == Decimal("-5.0")
    assert moved.reached is True


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [("1.8", "1.8", "5.0"), ("3.4", "3.4", "9.4"), ("2.6", "2.6", "7.2"), ("1.7", "1.9", "5.0"), ("1.0", "1.0", "2.8")],
)
def test_measurement_error_of_t_scores(first: str, second: str, error: str) -> None:
    """1.96 * sqrt(SE1^2 + SE2^2), half up."""
    moved = change(
        t_scale("x", "X", Better.LOWER), score("x", Metric.T, "68.0", first), score("x", Metric.T, "58.5", second)
    )
    assert moved is not None
    assert moved.error == Decimal(error)


def test_equal_to_the_printed_error_is_not_beyond_it() -> None:
    scale = t_scale("x", "X", Better.LOWER)
    on_it = change(scale, score("x", Metric.T, "60.0", "1.8"), score("x", Metric.T, "55.0", "1.8"))
    past_it = change(scale, score("x", Metric.T, "60.0", "1.8"), score("x", Metric.T, "54.9", "1.8"))
    assert on_it is not None
    assert past_it is not None
    assert (on_it.beyond_error, past_it.beyond_error) == (False, True)


def test_published_error_where_there_is_one() -> None:
    error = MinimalDetectableChange(Decimal("7.73"), "synthetic")
    moved = change(summed(52, 8, error=error), total(38), total(30))
    assert moved is not None
    assert moved.error == Decimal("7.7")
    assert moved.beyond_error is True


def test_error_not_known_is_neither_beyond_nor_within() -> None:
    moved = change(summed(27, 5), total(17), total(3))
    assert moved is not None
    assert (moved.error, moved.beyond_error) == (None, None)
    one_se = change(t_scale("x", "X", Better.LOWER), score("x", Metric.T, "60", "2"), score("x", Metric.T, "50"))
    assert one_se is not None
    assert one_se.error is None


def test_no_published_threshold_gives_no_verdict() -> None:
    moved = change(summed(27, None), total(20), total(2))
    assert moved is not None
    assert moved.direction is Direction.BETTER
    assert (moved.reached, moved.verdict, moved.could_improve) == (None, Direction.NONE, None)


def test_no_difference_has_no_direction() -> None:
    moved = change(summed(27, 5), total(9), total(9))
    assert moved is not None
    assert moved.direction is Direction.NONE
    assert moved.verdict is Direction.NONE
