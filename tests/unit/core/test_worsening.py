"""Rules on scores: an instrument's own, and a protocol's against the baseline."""

from dataclasses import replace
from decimal import Decimal

import pytest

from prom_server.core.alert_causes import CauseKind, Fact, cause_of
from prom_server.core.alerts import alerts_of, alerts_of_scores
from prom_server.core.instrument import ScoreAlert
from prom_server.core.scoring import Score, Status, score
from prom_server.core.worsening import ItemRises, Margin, Worsening, rose, worsened
from prom_server.definitions.library import Library

LIBRARY = Library.shipped()
PHQ9, PCS, FUNCTION = LIBRARY.get("phq-9"), LIBRARY.get("pcs"), LIBRARY.get("promis-physical-function-4a")
MCID = Worsening("phq-9", "total", Margin.MCID, "made up")


def of(scale: str, value: str | None, se: str | None = None, instrument=PHQ9) -> Score:
    status = Status.SCORED if value is not None else Status.NOT_SCORABLE
    metric = instrument.scale_by_id[scale].metric
    return Score(
        scale, metric, status, None, Decimal(value) if value else None, Decimal(se) if se else None, 9, 9, None, None
    )


@pytest.mark.parametrize(
    ("before", "now", "raised"),
    [
        ("8", "12", False),
        ("8", "13", True),
        ("8", "14", True),
        ("13", "8", False),
        ("8", None, False),
        (None, "27", False),
    ],
)
def test_exactly_the_threshold_counts_and_only_for_the_worse(before: str | None, now: str | None, raised: bool) -> None:
    assert worsened(MCID, PHQ9, of("total", before), of("total", now)) is raised


def test_without_a_baseline_nothing_is_worse() -> None:
    assert not worsened(MCID, PHQ9, None, of("total", "27"))


@pytest.mark.parametrize(("now", "raised"), [("40.0", False), ("38.0", True), ("42.0", False)])
def test_higher_is_better_worsens_downwards_in_tenths(now: str, raised: bool) -> None:
    rule = Worsening(FUNCTION.id, "physical-function", Margin.MCID, "made up")
    before = of("physical-function", "40.0", "2.0", FUNCTION)
    assert worsened(rule, FUNCTION, before, of("physical-function", now, "2.0", FUNCTION)) is raised


@pytest.mark.parametrize(("now", "raised"), [("34.5", False), ("34.4", True)])
def test_a_reliable_change_is_more_than_the_error_of_both(now: str, raised: bool) -> None:
    """1.96 * sqrt(2^2 + 2^2) = 5.5: a difference of 5.5 is within it."""
    rule = Worsening(FUNCTION.id, "physical-function", Margin.RELIABLE, "made up")
    before, after = (of("physical-function", value, "2.0", FUNCTION) for value in ("40.0", now))
    assert worsened(rule, FUNCTION, before, after) is raised


def test_by_the_published_error_of_a_sum() -> None:
    rule = Worsening("pcs", "total", Margin.RELIABLE, "made up")
    before = of("total", "20", instrument=PCS)
    assert [worsened(rule, PCS, before, of("total", now, instrument=PCS)) for now in ("27", "28")] == [False, True]
    unknown = Worsening("phq-9", "total", Margin.RELIABLE, "made up")
    assert not worsened(unknown, PHQ9, of("total", "0"), of("total", "27"))


def test_an_item_rises_against_an_answer_that_was_given() -> None:
    pairs = [(0, 1), (1, 2), (1, 1), (2, 1), (None, 3), (1, None)]
    assert [rose(*pair) for pair in pairs] == [True, True, False, False, False, False]


def test_no_name_of_a_rule_is_longer_than_is_stored() -> None:
    scales = {(each.id, scale.id) for each in LIBRARY.instruments() for scale in each.scales}
    rules = [Worsening(*named, margin, "x") for named in scales for margin in Margin]
    assert max(len(rule.rule) for rule in (*rules, ItemRises("phq-9", "phq9", "x"))) <= 40


ANSWERS = {f"phq{n}": 2 for n in range(1, 9)} | {"phq9": 0}  # 16


@pytest.mark.parametrize(
    ("limit", "raised"),
    [
        ({"at_least": Decimal(16)}, True),
        ({"at_least": Decimal(17)}, False),
        ({"at_most": Decimal(16)}, True),
        ({"at_most": Decimal(15)}, False),
        ({"severity": 3}, True),
        ({"severity": 4}, False),
        ({"band": "moderately severe"}, True),
        ({"band": "severe"}, False),
    ],
)
def test_an_instrument_s_own_rule_on_its_score(limit: dict, raised: bool) -> None:
    labels = {band.label.lower(): band.label for band in PHQ9.scale_by_id["total"].bands}
    if "band" in limit:
        limit = {"band": labels[limit["band"]]}
    watched = replace(PHQ9, score_alerts=(ScoreAlert("high", "total", "High score", "made up", **limit),))
    found = alerts_of(watched, ANSWERS, score(watched, ANSWERS))
    assert [(each.rule, each.scale, each.score) for each in found] == (
        [("high", "total", Decimal(16))] if raised else []
    )


def test_what_is_not_scorable_raises_nothing() -> None:
    watched = replace(PHQ9, score_alerts=(ScoreAlert("high", "total", "High score", "made up", at_least=Decimal(0)),))
    assert alerts_of_scores(watched, [of("total", None)]) == ()


def test_the_cause_is_told_from_what_is_stored() -> None:
    found = cause_of(PHQ9, Fact(MCID.rule, scale="total", score=Decimal(14), compared_with=Decimal(8)))
    assert found is not None
    assert (found.kind, found.difference, found.higher, found.limit) == (CauseKind.MCID, Decimal(6), True, Decimal(5))
    assert found.source == "Loewe 2004, to be confirmed"
    rising = cause_of(PHQ9, Fact("rises-phq9", "phq9", 2, compared_with=Decimal(1)))
    assert rising is not None
    assert (rising.kind, rising.number, rising.before) == (CauseKind.RISES, 9, Decimal(1))
    assert cause_of(PHQ9, Fact("item-9", "phq9", 2)) is None
    gone = cause_of(PHQ9, Fact("mcid-old", scale="old", score=Decimal(3)))
    assert gone is not None
    assert gone.kind is CauseKind.UNKNOWN
