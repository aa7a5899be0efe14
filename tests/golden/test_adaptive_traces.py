"""Adaptive tests item by item, against `cat_traces.json`: what other programs asked, and where they arrived."""

import json
from pathlib import Path
from typing import Any

import pytest

from prom_server.core import cat
from prom_server.core.scoring import score
from prom_server.definitions.library import Library

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "cat_traces.json").read_text(encoding="utf-8"))
INSTRUMENTS: dict[str, Any] = GOLDEN["instruments"]
TRACES = [(id_, name) for id_, content in INSTRUMENTS.items() for name in content["traces"]]
LIBRARY = Library.shipped()


@pytest.mark.parametrize(("id_", "name"), TRACES)
def test_every_item_theta_and_standard_error(id_: str, name: str) -> None:
    state = cat.start(LIBRARY.get(id_))
    for item, points, theta, se in INSTRUMENTS[id_]["traces"][name]["steps"]:
        assert (state.item, state.stop) == (item, None)
        state = state.after(points)
        assert state.estimate.theta == pytest.approx(theta, abs=1e-6)
        assert state.estimate.se == pytest.approx(se, abs=1e-6)
    assert (state.item, state.stop) == (None, cat.Stop.PRECISION)


@pytest.mark.parametrize(("id_", "name"), TRACES)
def test_the_score_of_a_trace(id_: str, name: str) -> None:
    trace = INSTRUMENTS[id_]["traces"][name]
    [found] = score(LIBRARY.get(id_), {item: value for item, value, _, _ in trace["steps"]})
    assert (found.status, float(found.value or 0), found.answered) == ("scored", trace["t"], len(trace["steps"]))


@pytest.mark.parametrize("id_", INSTRUMENTS)
def test_what_follows_when_the_first_item_is_skipped(id_: str) -> None:
    state = cat.start(LIBRARY.get(id_))
    assert state.item == INSTRUMENTS[id_]["first"]
    assert state.after(None).item == INSTRUMENTS[id_]["second"]


def test_every_adaptive_instrument_has_traces() -> None:
    assert {of.id for of in LIBRARY.instruments() if of.adaptive} == set(INSTRUMENTS)
