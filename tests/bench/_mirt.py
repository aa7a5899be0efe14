"""What PyPI's `mirt` says and needs for the questions of `tests.bench.scoring`. Runs in an environment that has it.

Reads a request (pickle) from standard input and writes the answer to standard output. Categories count from 0; -1 is
not answered.
"""

import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from mirt.cat import CATEngine, ItemSelectionStrategy
from mirt.models.polytomous import GradedResponseModel
from mirt.scoring.eap import EAPScorer

MOST, LEAST, SE_BELOW = 12, 4, 0.3
FINE = 81  # Gauss-Hermite points, as many as the grid of PROMIS has


def graded(a: list[float], b: list[list[float]]) -> GradedResponseModel:
    model = GradedResponseModel(n_items=len(a), n_categories=len(b[0]) + 1)
    model.set_parameters(discrimination=np.array(a), thresholds=np.array(b))
    model._is_fitted = True  # there is no public way to say that parameters were published, not fitted
    return model


class PosteriorWeighted(ItemSelectionStrategy):
    """The rule of PROMIS, which `mirt` has not, from `mirt`'s own probabilities and information."""

    def __init__(self, grid: np.ndarray, prior: np.ndarray) -> None:
        self.grid, self.log_prior = grid[:, None], np.log(prior)

    def get_item_criteria(self, model, theta, available_items, administered_items=None, responses=None):  # noqa: ARG002 - the engine calls it so
        history = np.full((1, model.n_items), -1)
        history[0, list(administered_items)] = responses
        log_weights = self.log_prior + model.log_likelihood_batch(history, self.grid)[0]
        weights = np.exp(log_weights - log_weights.max())
        return {item: float(weights @ model.information(self.grid, item_idx=item)) for item in sorted(available_items)}

    def select_item(self, model, theta, available_items, administered_items=None, responses=None):
        criteria = self.get_item_criteria(model, theta, available_items, administered_items, responses)
        return max(criteria, key=criteria.__getitem__)

    def _compute_criterion(self, model, theta, item_idx):
        raise NotImplementedError


def engine(model: GradedResponseModel, selection: Any) -> CATEngine:
    return CATEngine(
        model, item_selection=selection, se_threshold=SE_BELOW, max_items=MOST, min_items=LEAST, n_quadpts=FINE
    )


def path(cat: CATEngine, answers: list[int]) -> list[int]:
    """The items, in order, of one whole test."""
    cat.reset()
    asked: list[int] = []
    while not cat.get_current_state().is_complete:
        asked.append(int(cat.select_next_item()))
        cat.administer_item(answers[asked[-1]])
    return asked


def cpu(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


def estimates(model, patterns, grid, prior) -> dict[str, Any]:
    """By `mirt`'s scorer on its own grid, and by its likelihood on ours."""
    weights = np.log(prior) + model.log_likelihood_batch(patterns, grid[:, None])
    weights = np.exp(weights - weights.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    theta = weights @ grid
    se = np.sqrt((weights * (grid - theta[:, None]) ** 2).sum(axis=1))
    own = EAPScorer(n_quadpts=FINE).score(model, patterns)
    return {"theta": theta, "se": se, "own_theta": own.theta, "own_se": own.standard_error}


def timed(model, patterns, answers) -> dict[str, float]:
    """CPU seconds: one pattern, one of many on as many points as ours has, one step of an adaptive test."""
    usual, fine = EAPScorer(), EAPScorer(n_quadpts=FINE)  # usual: 49 points
    single = [cpu(lambda row=row: usual.score(model, row[None])) for row in patterns[:300]]
    many = min(cpu(lambda: fine.score(model, patterns)) for _ in range(5)) / len(patterns)
    cat, steps, seconds = engine(model, "MFI"), 0, 0.0
    for each in answers:
        began = time.process_time()
        steps += len(path(cat, each))
        seconds += time.process_time() - began
    return {"single": float(np.median(single)), "many": many, "step": seconds / steps}


def main() -> None:
    request = pickle.load(sys.stdin.buffer)  # noqa: S301, from the bench that started this
    answer = {}
    for name, bank in request["banks"].items():
        model = graded(bank["a"], bank["b"])
        weighted = engine(model, PosteriorWeighted(request["grid"], request["prior"]))
        fisher = engine(model, "MFI")
        answer[name] = {
            "estimates": estimates(model, bank["patterns"], request["grid"], request["prior"]),
            "weighted": [path(weighted, each) for each in bank["answers"]],
            "fisher": [path(fisher, each) for each in bank["answers"]],
            "seconds": timed(model, bank["patterns"], bank["answers"][:20]),
        }
    pickle.dump(answer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
