"""The mean of the items: half up to a tenth, and nothing without every answer."""

from dataclasses import replace
from decimal import Decimal

import pytest

from prom_server.core.instrument import Metric
from prom_server.core.scoring import Reason, Status, score
from prom_server.definitions.library import Library
from prom_server.reports.filters import number, signed

PEG = Library.shipped().get("peg")


@pytest.mark.parametrize(
    ("values", "mean"), [((0, 0, 0), "0.0"), ((0, 0, 1), "0.3"), ((0, 1, 1), "0.7"), ((10, 10, 10), "10.0")]
)
def test_three_ratings(values: tuple[int, ...], mean: str) -> None:
    (found,) = score(PEG, dict(zip(PEG.item_by_id, values, strict=True)))
    assert (found.status, found.raw, str(found.value), found.se) == (Status.SCORED, sum(values), mean, None)


def test_half_of_a_tenth_goes_up() -> None:
    """Three items cannot give it: a scale of four items would, 0.25."""
    items = tuple(replace(PEG.items[0], id=f"item{n}") for n in range(4))
    scale = replace(PEG.scales[0], items=tuple(item.id for item in items))
    four = replace(PEG, items=items, scales=(scale,))
    (found,) = score(four, {"item0": 1, "item1": 0, "item2": 0, "item3": 0})
    assert found.value == Decimal("0.3")


@pytest.mark.parametrize("missing", list(PEG.item_by_id))
def test_a_missing_answer_is_never_replaced(missing: str) -> None:
    (found,) = score(PEG, {item: None if item == missing else 5 for item in PEG.item_by_id})
    assert (found.status, found.value, found.reason) == (Status.NOT_SCORABLE, None, Reason.ITEMS_MISSING)


def test_it_is_written_in_tenths() -> None:
    assert number(Decimal(5), Metric.MEAN) == "5.0"
    assert signed(Decimal(-2), Metric.MEAN) == "−2.0"
    assert PEG.scales[0].step == Decimal("0.1")
    assert (PEG.scales[0].low, PEG.scales[0].high) == (Decimal(0), Decimal(10))
