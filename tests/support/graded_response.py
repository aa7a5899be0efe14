"""The graded response model by the formulas as printed, one theta at a time. Shares nothing with core/irt.py."""

import math
from operator import mul

GRID = [step / 10 for step in range(-40, 41)]  # theta
PRIOR = [math.exp(-theta * theta / 2) for theta in GRID]


def above(a: float, b: list[float], k: int, theta: float) -> float:
    """The logit of P(X >= k): certain for the lowest category, impossible beyond the highest."""
    return math.inf if k == 0 else -math.inf if k > len(b) else a * (theta - b[k - 1])


def chance(a: float, b: list[float], k: int, theta: float) -> float:
    """P(X = k) = P(X >= k) - P(X >= k + 1), from whichever tails are small."""
    here, beyond = above(a, b, k, theta), above(a, b, k + 1, theta)
    if here > 0 and beyond > 0:
        return 1 / (1 + math.exp(beyond)) - 1 / (1 + math.exp(here))
    return 1 / (1 + math.exp(-here)) - 1 / (1 + math.exp(-beyond))


def information(a: float, b: list[float], theta: float) -> float:
    """a^2 x the sum of P_k (1 - P(X >= k) - P(X >= k + 1))^2: P' / P of each category, written out."""
    reach = [1 / (1 + math.exp(-above(a, b, k, theta))) for k in range(len(b) + 2)]
    return a * a * math.fsum(chance(a, b, k, theta) * (1 - reach[k] - reach[k + 1]) ** 2 for k in range(len(b) + 1))


def theta_and_error(weights: list[float]) -> tuple[float, float]:
    """The mean and the standard deviation of a posterior that need not add up to 1."""
    total = math.fsum(weights)
    mean = math.fsum(map(mul, weights, GRID)) / total
    return mean, math.sqrt(math.fsum(w * (theta - mean) ** 2 for w, theta in zip(weights, GRID, strict=True)) / total)
