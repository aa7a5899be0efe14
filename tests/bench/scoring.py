"""What scores cost, beside PyPI's `mirt`, bare NumPy and parsing alone: ratios from one run. And whether `mirt` agrees.

Run: bin/bench scoring [lines]. Exits 1 when a ratio misses its target. CPU time throughout, so that a busy machine
disturbs little; one thread each. `mirt` (MIT licence) goes into an environment of its own, var/bench-mirt.
"""

import hashlib
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from prom_server.core import cat, irt
from prom_server.core.instrument import Instrument
from prom_server.definitions.library import Library
from tests.bench import _lines

ROOT = Path(__file__).parents[2]
BANKS = ("promis-depression-cat", "promis-anxiety-cat", "promis-fatigue-cat")
LARGEST = "promis-fatigue-cat"
PATTERNS = 20_000
MISSING = 0.1
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
LIBRARY = Library.shipped()

missed: list[str] = []


def ratio(name: str, found: float, target: str, detail: str) -> None:
    """`target` reads ">= 10" or "<= 10"."""
    sign, number = target.split()
    reached = found >= float(number) if sign == ">=" else found <= float(number)
    if not reached:
        missed.append(name)
    print(f"  {name:46} {found:9.2f}   {target:8} {'yes' if reached else 'MISSED':7} {detail}")


def cpu(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


# ---- The same patterns for everyone


def pattern_matrix(instrument: Instrument, rng: np.random.Generator) -> np.ndarray:
    """Random categories, some not answered (-1). [pattern, item]"""
    categories = rng.integers(0, 5, (PATTERNS, len(instrument.bank.ids)))
    categories[rng.random(categories.shape) < MISSING] = -1
    return categories


def answer_lists(instrument: Instrument, rng: np.random.Generator) -> list[list[int]]:
    """What people would answer to every item: always the same, as theta makes likely, or anything."""
    bank, always = instrument.bank, [[value] * len(instrument.bank.ids) for value in range(5)]
    likely = [
        [int(rng.choice(5, p=np.exp(log_p[:, place]))) for log_p in bank.log_p] for place in rng.integers(10, 71, 60)
    ]
    return always + likely + rng.integers(0, 5, (35, len(bank.ids))).tolist()


def as_points(instrument: Instrument, row: np.ndarray) -> dict[str, int]:
    ids, lowest = instrument.bank.ids, instrument.bank.lowest
    return {ids[place]: int(category) + lowest[place] for place, category in enumerate(row) if category >= 0}


# ---- Ours


def bare_loop(instrument: Instrument, categories: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected a posteriori as one writes it down: add up the items' log-likelihoods, normalise, take moments."""
    theta, se = np.empty(len(categories)), np.empty(len(categories))
    for begin in range(0, len(categories), 4_000):
        chunk = categories[begin : begin + 4_000]
        weights = np.tile(np.log(irt.PRIOR), (len(chunk), 1))
        for item, log_p in enumerate(instrument.bank.log_p):
            answered = chunk[:, item] >= 0
            weights[answered] += log_p[chunk[answered, item]]
        weights = np.exp(weights - weights.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        mean = weights @ irt.THETA
        theta[begin : begin + 4_000] = mean
        se[begin : begin + 4_000] = np.sqrt((weights * (irt.THETA - mean[:, None]) ** 2).sum(axis=1))
    return theta, se


def path(instrument: Instrument, answers: list[int]) -> list[int]:
    """The items, in order, of one whole test."""
    bank, state = instrument.bank, cat.start(instrument)
    while state.item is not None:
        place = bank.index[state.item]
        state = state.after(answers[place] + bank.lowest[place])
    return [bank.index[item] for item in state.asked]


def step_seconds(instrument: Instrument, answers: list[list[int]]) -> float:
    """To score one answer and choose the next item: the mean over whole tests."""
    steps = sum(len(path(instrument, each)) for each in answers)
    return min(cpu(lambda: [path(instrument, each) for each in answers]) for _ in range(5)) / steps


# ---- mirt


def mirt_python() -> Path:
    """The interpreter of the environment that has `mirt`, made where there is none. Every package's hash is checked."""
    folder, lock = ROOT / "var/bench-mirt", ROOT / "requirements/bench.txt"
    stamp, wanted = folder / ".made-from", hashlib.sha256(lock.read_bytes()).hexdigest()
    python = folder / "bin/python"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        venv.create(folder, clear=True, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*install, "-r", lock], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def ask_mirt(banks: dict[str, Any]) -> dict[str, Any]:
    request = pickle.dumps({"banks": banks, "grid": irt.THETA, "prior": irt.PRIOR})
    worker = [mirt_python(), Path(__file__).with_name("_mirt.py")]
    said = subprocess.run(worker, input=request, stdout=subprocess.PIPE, check=True).stdout
    answer: dict[str, Any] = pickle.loads(said)  # noqa: S301, from a program of ours
    return answer


def bank_for_mirt(instrument: Instrument, rng: np.random.Generator) -> dict[str, Any]:
    graded = [item.graded for item in instrument.items if item.graded]
    return {
        "a": [each.a for each in graded],
        "b": [each.b for each in graded],
        "patterns": pattern_matrix(instrument, rng),
        "answers": answer_lists(instrument, rng),
    }


# ---- The table


def report_estimates(banks: dict[str, Any], said: dict[str, Any]) -> None:
    instrument = LIBRARY.get(BANKS[0])
    patterns, theirs = banks[BANKS[0]]["patterns"], said[BANKS[0]]["seconds"]
    points = [as_points(instrument, row) for row in patterns[:2_000]]
    one = statistics.median(cpu(lambda p=p: irt.pattern_estimate(instrument.bank, p)) for p in points)
    many = min(cpu(lambda: irt.pattern_estimates(instrument.bank, patterns)) for _ in range(3)) / len(patterns)
    bare = min(cpu(lambda: bare_loop(instrument, patterns)) for _ in range(3)) / len(patterns)
    step = step_seconds(LIBRARY.get(LARGEST), banks[LARGEST]["answers"][:20])
    their_step = said[LARGEST]["seconds"]["step"]
    items = f"{len(instrument.bank.ids)} items"
    ratio("one pattern, mirt / ours", theirs["single"] / one, ">= 10", f"{one * 1e6:.1f} us; {items}")
    ratio("many patterns, bare NumPy / ours", bare / many, ">= 0.6", f"{1 / many:,.0f} a second; {items}")
    ratio("many patterns, mirt / ours", theirs["many"] / many, ">= 1.2", f"mirt {1 / theirs['many']:,.0f} a second")
    size = f"{len(LIBRARY.get(LARGEST).bank.ids)} items"
    ratio("a step of an adaptive test, microseconds", step * 1e6, "<= 100", size)
    ratio("a step of an adaptive test, mirt / ours", their_step / step, ">= 20", f"mirt {their_step * 1e6:,.0f} us")


def report_lines(lines: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        phq9, pattern = Path(folder, "phq9.jsonl"), Path(folder, "pattern.jsonl")
        _lines.phq9(phq9, lines)
        parse, seconds = _lines.parsed_seconds(phq9), _lines.scored_seconds("phq-9", phq9)
        detail = f"{lines:,} PHQ-9 lines: {seconds:.1f} s, {lines / seconds:,.0f} a second"
        ratio("prom-server score / reading and parsing", seconds / parse, "<= 10", detail)
        _lines.depression_8a(pattern, LIBRARY.get("promis-depression-8a"), lines // 10)
        parse, seconds = _lines.parsed_seconds(pattern), _lines.scored_seconds("promis-depression-8a", pattern)
        detail = f"scored by pattern, Depression 8a: {lines // 10 / seconds:,.0f} a second"
        print(f"  {'the same, scored by pattern':46} {seconds / parse:9.2f}   {'':16} {detail}")


def report_agreement(banks: dict[str, Any], said: dict[str, Any]) -> None:
    print(f"\nThe largest difference from mirt in {PATTERNS:,} random patterns, theta and standard error:")
    for name, of in said.items():
        theta, se = irt.pattern_estimates(LIBRARY.get(name).bank, banks[name]["patterns"])
        found = of["estimates"]
        ours = max(abs(theta - found["theta"]).max(), abs(se - found["se"]).max())
        own = max(abs(theta - found["own_theta"]).max(), abs(se - found["own_se"]).max())
        print(f"  {name:24} on our grid {ours:8.1e}   on mirt's own {own:8.1e}")
    print("  mirt's own grid: 81 Gauss-Hermite points, 0.35 apart about 0, so coarse where a pattern is precise")
    print("\nAdaptive tests with the same items in the same order (in brackets: that end alike, on the two grids):")
    for name, of in said.items():
        ours = [path(LIBRARY.get(name), each) for each in banks[name]["answers"]]
        weighted, fisher = (same_order(ours, of[rule]) for rule in ("weighted", "fisher"))
        print(f"  {name:24} our rule in mirt's engine, with mirt's curves: {weighted} of {len(ours)}", end="   ")
        print(f"mirt's own rule, information at theta: {fisher}")


def same_order(ours: list[list[int]], theirs: list[list[int]]) -> str:
    """How many agree as far as the shorter one goes, and in brackets how many to the end."""
    begin = sum(all(map(int.__eq__, *pair)) for pair in zip(ours, theirs, strict=True))
    return f"{begin} ({sum(map(list.__eq__, ours, theirs))})"


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = np.random.default_rng(20261122)
    banks = {name: bank_for_mirt(LIBRARY.get(name), rng) for name in BANKS}
    said = ask_mirt(banks)
    print(f"  {'':46} {'ratio':>9}   {'target':8} reached")
    report_estimates(banks, said)
    report_lines(lines)
    report_agreement(banks, said)
    sys.exit(f"Missed: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):  # read when NumPy is loaded
        again = [sys.executable, "-m", "tests.bench.scoring", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | ONE_THREAD)  # noqa: S606 - this program itself, once more
    main()
