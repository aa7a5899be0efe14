"""The graded response model and its estimates, against the formulas written out and against other arithmetic."""

import itertools
import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom_server.core.irt import (
    PRIOR,
    THETA,
    Estimate,
    Graded,
    estimate,
    fisher_information,
    item_bank,
    log_probabilities,
    pattern_estimate,
    pattern_estimates,
    posterior,
)
from tests.support.toy import GRADED

BANK = item_bank({item: (graded, 1) for item, graded in GRADED.items()})

numbers = st.floats(-4, 4).map(lambda value: round(value, 3))
items = st.builds(
    Graded,
    st.floats(0.3, 8).map(lambda value: round(value, 3)),
    st.lists(numbers, min_size=1, max_size=6, unique=True).map(lambda thresholds: tuple(sorted(thresholds))),
)
answered = st.dictionaries(st.sampled_from(list(GRADED)), st.integers(1, 4))


def cumulative(graded: Graded, k: int, theta: float) -> float:
    """P(X >= k | theta), from the definition."""
    if k == 0:
        return 1.0
    return 0.0 if k > len(graded.b) else 1 / (1 + math.exp(-graded.a * (theta - graded.b[k - 1])))


# ---- The model


def test_the_grid_and_the_prior() -> None:
    assert (THETA.size, THETA[0], THETA[40], THETA[-1]) == (81, -4.0, 0.0, 4.0)
    assert [float(theta) for theta in THETA] == [step / 10 for step in range(-40, 41)]
    density = [math.exp(-theta * theta / 2) for theta in THETA]
    assert pytest.approx([each / sum(density) for each in density], rel=1e-14) == PRIOR


@given(items)
def test_the_probabilities_of_an_item_add_up_to_1(graded: Graded) -> None:
    p = np.exp(log_probabilities(graded, THETA))
    assert p.shape == (len(graded.b) + 1, 81)
    assert p.sum(axis=0) == pytest.approx(1, abs=1e-12)


@given(items)
def test_probabilities_are_differences_of_the_cumulative_curves(graded: Graded) -> None:
    p = np.exp(log_probabilities(graded, THETA))
    for k, theta in itertools.product(range(len(graded.b) + 1), range(0, 81, 8)):
        at = float(THETA[theta])
        assert p[k, theta] == pytest.approx(cumulative(graded, k, at) - cumulative(graded, k + 1, at), abs=1e-12)


@given(items)
def test_more_of_the_trait_never_makes_a_higher_category_less_likely(graded: Graded) -> None:
    p = np.exp(log_probabilities(graded, THETA))
    reached = p[::-1].cumsum(axis=0)[::-1]  # P(X >= k)
    assert (np.diff(reached, axis=1) >= -1e-12).all()
    assert (np.diff(reached, axis=0) <= 1e-12).all()


def test_the_logarithm_is_exact_far_from_the_thresholds() -> None:
    """The middle of P(X = 1) for theta = 30 is a difference of two numbers that are both 1 in floats."""
    graded = Graded(3.0, (0.0, 1.0))
    tiny = log_probabilities(graded, np.array([-30.0, 30.0]))[1]
    # P(X < 2) - P(X < 1) and P(X >= 1) - P(X >= 2), the tails being exponentials to 1e-38
    assert tiny[0] == pytest.approx(-90 + math.log(1 - math.exp(-3)), rel=1e-14)
    assert tiny[1] == pytest.approx(-87 + math.log(1 - math.exp(-3)), rel=1e-14)


@given(items, st.sampled_from([-1000.0, -80.0, 80.0, 1000.0]))
def test_no_theta_is_too_extreme(graded: Graded, theta: float) -> None:
    at = np.array([theta])
    log_p = log_probabilities(graded, at)
    assert np.isfinite(log_p).all()
    assert np.exp(log_p).sum() == pytest.approx(1)
    assert log_p.argmax() == (len(graded.b) if theta > 0 else 0)


@pytest.mark.parametrize("graded", GRADED.values(), ids=GRADED)
def test_information_is_the_expected_curvature(graded: Graded) -> None:
    """The expectation of -(d/dtheta)^2 log P, by finite differences."""
    h = 1e-4
    before, at, after = (log_probabilities(graded, THETA + step) for step in (-h, 0, h))
    curvature = (after - 2 * at + before) / h**2
    assert fisher_information(graded, THETA) == pytest.approx(-(np.exp(at) * curvature).sum(axis=0), abs=2e-6)


@given(items)
def test_information_is_positive_and_has_its_bound(graded: Graded) -> None:
    """a^2 / 4 for two categories; more categories tell more, never more than a^2."""
    information = fisher_information(graded, THETA)
    assert (information > 0).all()
    assert (information <= graded.a**2 / (4 if len(graded.b) == 1 else 1) + 1e-9).all()


# ---- Estimates


def test_without_an_answer_the_estimate_is_the_prior() -> None:
    found = pattern_estimate(BANK, {})
    assert found.theta == pytest.approx(0, abs=1e-12)
    assert found.se == pytest.approx(math.sqrt(sum(PRIOR * THETA**2)), rel=1e-12)
    assert (found.t, found.t_se) == (50 + 10 * found.theta, 10 * found.se)


def test_t_has_a_mean_of_50_and_an_sd_of_10() -> None:
    assert (Estimate(1.25, 0.3).t, Estimate(1.25, 0.3).t_se) == (62.5, 3.0)


@given(answered)
def test_a_posterior_adds_up_to_1_and_is_the_prior_times_the_likelihood(points: dict[str, int]) -> None:
    weights = posterior(BANK.log_likelihood(points))
    assert weights.sum() == pytest.approx(1, rel=1e-12)
    by_hand = [
        prior * math.prod(by_definition(GRADED[item], value - 1, float(theta)) for item, value in points.items())
        for prior, theta in zip(PRIOR, THETA, strict=True)
    ]
    assert weights == pytest.approx([each / sum(by_hand) for each in by_hand], abs=1e-12)


def by_definition(graded: Graded, k: int, theta: float) -> float:
    return cumulative(graded, k, theta) - cumulative(graded, k + 1, theta)


def test_many_posteriors_at_once_are_each_one_alone() -> None:
    patterns = [{"low": 1}, {"high": 4, "middle": 3}, {}]
    together = posterior(np.array([BANK.log_likelihood(points) for points in patterns]))
    for weights, points in zip(together, patterns, strict=True):
        assert weights == pytest.approx(posterior(BANK.log_likelihood(points)), rel=1e-14)


def test_a_likely_pattern_does_not_drown_one_that_is_all_but_impossible() -> None:
    together = posterior(np.array([np.zeros(81), np.full(81, -2000.0)]))
    assert together == pytest.approx(np.array([PRIOR, PRIOR]), rel=1e-12)


def test_many_patterns_at_once_are_each_one_alone() -> None:
    """More than one portion of the work; items of 4, 2 and 6 categories, answered or not."""
    few, many = Graded(2.0, (0.0,)), Graded(1.5, (-2.0, -1.0, 0.0, 1.0, 2.0))
    bank = item_bank({"weak": (GRADED["weak"], 1), "few": (few, 0), "many": (many, 3)})
    rng = np.random.default_rng(1)
    categories = np.column_stack([rng.integers(-1, most + 1, 2001) for most in (3, 1, 5)])
    theta, se = pattern_estimates(bank, categories)
    assert theta.shape == se.shape == (2001,)
    for chosen, *found in zip(categories, theta, se, strict=True):
        points = {id_: low + int(k) for id_, low, k in zip(bank.ids, bank.lowest, chosen, strict=True) if k >= 0}
        assert found == pytest.approx(list(pattern_estimate(bank, points)), abs=1e-12)


def test_no_patterns_have_no_estimates() -> None:
    theta, se = pattern_estimates(BANK, np.empty((0, len(GRADED)), dtype=int))
    assert (theta.size, se.size) == (0, 0)


def test_a_posterior_of_what_is_all_but_impossible() -> None:
    weights = posterior(np.full(81, -2000.0))
    assert weights == pytest.approx(PRIOR, rel=1e-12)


def test_the_mean_and_the_standard_deviation_of_weights() -> None:
    weights = np.zeros(81)
    weights[[40, 60]] = 0.75, 0.25  # 0 and 2
    assert estimate(weights) == pytest.approx((0.5, math.sqrt(0.75)))


@settings(deadline=None)
@given(answered.filter(bool))
def test_an_estimate_is_close_to_the_integral_between_the_ends_of_the_grid(points: dict[str, int]) -> None:
    """By Simpson's rule in steps of 0.02; a point of the grid stands for the 0.1 around it."""

    def density(theta: float) -> float:
        chances = (by_definition(GRADED[item], value - 1, theta) for item, value in points.items())
        return math.exp(-theta * theta / 2) * math.prod(chances)

    mass = simpson(density)
    mean = simpson(lambda theta: theta * density(theta)) / mass
    variance = simpson(lambda theta: (theta - mean) ** 2 * density(theta)) / mass
    assert pattern_estimate(BANK, points) == pytest.approx((mean, math.sqrt(variance)), abs=0.0005)


def simpson(f: Callable[[float], float], low: float = -4.05, high: float = 4.05, steps: int = 406) -> float:
    h = (high - low) / steps
    weights = itertools.chain((1,), itertools.islice(itertools.cycle((4, 2)), steps - 1), (1,))
    return math.fsum(weight * f(low + place * h) for place, weight in enumerate(weights)) * h / 3


@given(answered, st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(points: dict[str, int], rng: Random) -> None:
    shuffled = list(points.items())
    rng.shuffle(shuffled)
    first, second = pattern_estimate(BANK, points), pattern_estimate(BANK, dict(shuffled))
    assert second == pytest.approx(first, rel=1e-12, abs=1e-12)


@given(answered.filter(bool), st.sampled_from(list(GRADED)))
def test_more_points_never_lower_an_estimate(points: dict[str, int], item: str) -> None:
    found = [pattern_estimate(BANK, {**points, item: value}).theta for value in (1, 2, 3, 4)]
    assert found == sorted(found)


def test_points_count_from_the_fewest_of_the_item() -> None:
    """The same answers, numbered from 0 in one bank and from 1 in the other."""
    from_0 = item_bank({item: (graded, 0) for item, graded in GRADED.items()})
    assert pattern_estimate(from_0, {"low": 0, "wide": 3}) == pattern_estimate(BANK, {"low": 1, "wide": 4})


def test_items_of_a_bank_may_have_different_numbers_of_categories() -> None:
    few, many = Graded(2.0, (0.0,)), Graded(1.5, (-2.0, -1.0, 0.0, 1.0, 2.0))
    bank = item_bank({"few": (few, 0), "many": (many, 1)})
    assert (bank.ids, bank.lowest, dict(bank.index)) == (("few", "many"), (0, 1), {"few": 0, "many": 1})
    assert bank.log_p[0, :2] == pytest.approx(log_probabilities(few, THETA))
    assert (bank.log_p[0, 2:] == -np.inf).all()  # categories that the item has not are impossible
    assert bank.log_p[1] == pytest.approx(log_probabilities(many, THETA))
    assert bank.information[0] == pytest.approx(fisher_information(few, THETA))
    assert bank.information[1] == pytest.approx(fisher_information(many, THETA))
    likelihood = log_probabilities(few, THETA)[1] + log_probabilities(many, THETA)[5]
    assert bank.log_likelihood({"few": 1, "many": 6}) == pytest.approx(likelihood)


def test_a_bank_without_an_item_knows_the_prior_only() -> None:
    bank = item_bank({})
    assert bank.ids == ()
    assert pattern_estimate(bank, {}) == pattern_estimate(BANK, {})
