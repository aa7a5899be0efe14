"""Scores by response pattern: forms with answers missing, adaptive instruments, recoded items, tables still to come."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prom_server.core.cat import replay
from prom_server.core.instrument import Band, Instrument, Metric
from prom_server.core.irt import pattern_estimate
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.rules import AdaptiveRule, PatternRule, RatingRule, Row, ScoringRule, SumRule, TableRule
from prom_server.core.scoring import Reason, Score, Status, half_up, score, tenths
from tests.support.toy import GRADED, POINTS, RULE, adaptive

TOY = adaptive()
ROWS = {raw: Row(Decimal(raw + 30), Decimal("2.5")) for raw in range(6, 25)}
BANDS = (Band(Decimal(20), Decimal("49.9"), "fewer", 0), Band(Decimal(50), Decimal(80), "more", 1))


def form(rule: ScoringRule, metric: Metric = Metric.T, recode: dict[int, int] | None = None) -> Instrument:
    """The items of the toy as a fixed form."""
    scale = replace(TOY.scales[0], rule=rule, metric=metric, bands=BANDS)
    return replace(TOY, scales=(scale,), items=tuple(replace(item, recode=recode) for item in TOY.items))


def table(least: int | None = None, rows: dict[int, Row] = ROWS) -> TableRule:
    return TableRule(rows, "made up", None if least is None else PatternRule(least, "made up"))


def scored(instrument: Instrument, *values: int | None) -> Score:
    [found] = score(instrument, dict(zip(GRADED, values, strict=True)))
    return found


def outcome(found: Score) -> tuple[object, ...]:
    return found.status, found.reason, found.value, found.se, found.band


NOTHING = (None, None, None)


# ---- Tables


@pytest.mark.parametrize("rule", [table(), table(least=4)])
def test_complete_answers_are_looked_up_with_or_without_a_pattern_rule(rule: TableRule) -> None:
    found = scored(form(rule), 4, 4, 4, 4, 4, 3)
    assert outcome(found) == (Status.SCORED, None, Decimal(53), Decimal("2.5"), "more")
    assert (found.raw, found.answered, found.items) == (23, 6, 6)


def test_with_answers_missing_the_pattern_is_scored() -> None:
    found = scored(form(table(least=4)), 4, None, 3, 4, None, 2)
    theta = pattern_estimate(TOY.bank, {"weak": 4, "middle": 3, "high": 4, "last": 2})
    assert outcome(found) == (Status.PATTERN, Reason.PATTERN, tenths(theta.t), tenths(theta.t_se), "more")
    assert (found.raw, found.answered, found.items) == (13, 4, 6)


@pytest.mark.parametrize(("missing", "status"), [(1, "pattern"), (2, "pattern"), (3, "not_scorable")])
def test_at_least_so_many_answers_make_a_pattern(missing: int, status: str) -> None:
    found = scored(form(table(least=4)), *[None] * missing, *[2] * (6 - missing))
    assert found.status == status


def test_too_few_answers_leave_nothing_but_what_was_answered() -> None:
    found = scored(form(table(least=4)), 1, 2, 3, None, None, None)
    assert outcome(found) == (Status.NOT_SCORABLE, Reason.ITEMS_MISSING, *NOTHING)
    assert (found.raw, found.answered, found.items) == (6, 3, 6)


def test_without_a_pattern_rule_one_missing_answer_is_one_too_many() -> None:
    found = scored(form(table()), 1, 2, 3, 4, 1, None)
    assert outcome(found) == (Status.NOT_SCORABLE, Reason.ITEMS_MISSING, *NOTHING)


@pytest.mark.parametrize("last", [1, None])
def test_a_table_that_is_still_to_come_scores_nothing(last: int | None) -> None:
    found = scored(form(table(least=4, rows={})), 1, 2, 3, 4, 1, last)
    assert outcome(found) == (Status.NOT_SCORABLE, Reason.TABLE_MISSING, *NOTHING)
    assert (found.raw, found.answered) == (11 + (last or 0), 6 if last else 5)


# ---- Recoded items


def test_a_sum_adds_points_not_values() -> None:
    turned = {1: 4, 2: 3, 3: 2, 4: 1}
    found = scored(form(SumRule(1, "made up"), Metric.SUM, turned), 1, 1, 2, 3, 4, 4)
    assert (found.raw, found.value) == (4 + 4 + 3 + 2 + 1 + 1, 15)
    prorated = scored(form(SumRule(1, "made up"), Metric.SUM, turned), 1, 1, 2, 3, 4, None)
    assert (prorated.raw, prorated.value) == (14, 17)  # 14 / 5 x 6 = 16.8


def test_a_table_is_entered_with_points_and_so_is_the_pattern() -> None:
    recoded = form(table(least=4), recode={1: 4, 2: 4, 3: 1, 4: 1})
    assert scored(recoded, 1, 2, 3, 4, 4, 4).value == Decimal(42)  # 4 + 4 + 1 + 1 + 1 + 1 + 30
    plain = scored(form(table(least=4)), 4, 4, 1, 1, 1, None)
    assert outcome(scored(recoded, 1, 2, 3, 4, 4, None)) == outcome(plain)


def test_a_rating_is_its_points_even_when_they_are_0() -> None:
    rated = form(RatingRule(), Metric.RATING, {1: 0, 2: 1, 3: 2, 4: 3})
    one = replace(rated, items=rated.items[:1], scales=(replace(rated.scales[0], items=("weak",), bands=()),))
    [found] = score(one, {"weak": 1})
    assert (found.status, found.value, found.raw) == (Status.SCORED, 0, 0)
    [missing] = score(one, {"weak": None})
    assert outcome(missing) == (Status.NOT_SCORABLE, Reason.ITEMS_MISSING, *NOTHING)


# ---- Adaptive instruments


def test_an_adaptive_instrument_is_scored_once_it_has_ended() -> None:
    answers = {"middle": 3, "wide": 3, "low": 4, "high": 2}
    [found] = score(TOY, answers)
    theta = pattern_estimate(TOY.bank, answers)
    assert outcome(found)[:4] == (Status.SCORED, None, tenths(theta.t), tenths(theta.t_se))
    assert (found.raw, found.answered, found.items) == (None, 4, 4)


def test_skipped_items_count_as_asked() -> None:
    [found] = score(TOY, {"middle": 3, "wide": None, "low": 4})
    assert (found.answered, found.items) == (2, 3)


@pytest.mark.parametrize(
    ("rule", "status", "reason"),
    [
        (RULE, Status.PATTERN, Reason.PATTERN),  # neither precise nor long enough: it was left, or items were skipped
        (replace(RULE, most=3), Status.SCORED, None),
        (replace(RULE, se_below=Decimal("0.63")), Status.SCORED, None),
        (replace(RULE, least=4), Status.NOT_SCORABLE, Reason.ITEMS_MISSING),
        (replace(RULE, least=4, se_below=Decimal(2)), Status.NOT_SCORABLE, Reason.ITEMS_MISSING),
    ],
)
def test_what_three_answers_come_to(rule: AdaptiveRule, status: Status, reason: Reason | None) -> None:
    [found] = score(adaptive(rule), {"weak": 2, "wide": 2, "last": 2})
    assert (found.status, found.reason) == (status, reason)
    assert (found.value is None) is (found.se is None) is (status is Status.NOT_SCORABLE)


def test_exactly_the_rules_standard_error_is_not_precise() -> None:
    answers = {"weak": 2, "wide": 2, "last": 2}
    exact = Decimal(pattern_estimate(TOY.bank, answers).se)
    for limit, status in ((exact, Status.PATTERN), (exact + Decimal("1e-12"), Status.SCORED)):
        assert score(adaptive(replace(RULE, se_below=limit)), answers)[0].status is status


@given(st.lists(st.one_of(st.none(), st.sampled_from(POINTS)), max_size=6))
def test_the_score_is_the_estimate_that_the_questions_ended_with(values: list[int | None]) -> None:
    answers: dict[str, int | None] = {}
    for value in values:
        item = replay(TOY, answers).item
        if item is None:
            break
        answers[item] = value
    state, [found] = replay(TOY, answers), score(TOY, answers)
    assert (found.value is not None) is (state.answered >= RULE.least)
    if found.value is not None:
        assert found.value == tenths(state.estimate.t)
        assert found.se == tenths(state.estimate.t_se)
        assert (found.status is Status.SCORED) is (state.stop in {"precision", "length"})


def test_what_was_not_asked_need_not_be_there_but_must_be_an_item() -> None:
    assert score(TOY, {})[0].status is Status.NOT_SCORABLE
    with pytest.raises(InvalidAnswer, match="toy has no item other") as refusal:
        score(TOY, {"other": 1})
    assert refusal.value.item == "other"
    with pytest.raises(InvalidAnswer, match="middle: 5 is none of its options \\(1, 2, 3, 4\\)"):
        score(TOY, {"middle": 5})


# ---- What a refusal shows


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10**30 - 1, "9" * 30),
        (1 - 10**30, "-" + "9" * 30),
        (10**30, "a very large number"),
        pytest.param(-(10**5000), "a very large number", id="more digits than Python would write"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 40 + "…"),
    ],
)
def test_a_refused_value_is_shown_but_never_more_than_a_line(value: object, shown: str) -> None:
    what = "none of its options (1, 2, 3, 4)" if isinstance(value, int) else "not a whole number"
    with pytest.raises(InvalidAnswer) as refusal:
        score(TOY, {"middle": value})
    assert str(refusal.value) == f"middle: {shown} is {what}"


def test_a_missing_key_is_refused_by_name() -> None:
    with pytest.raises(InvalidAnswer, match="last is missing") as refusal:
        score(form(table()), dict.fromkeys(list(GRADED)[:5], 1))
    assert refusal.value.item == "last"


# ---- Rounding


@pytest.mark.parametrize(
    ("computed", "reported"),
    [(50.25, "50.3"), (50.75, "50.8"), (50.05, "50.0"), (50.15, "50.1"), (50.249999, "50.2"), (3.0, "3.0")],
)
def test_a_computed_score_is_rounded_from_the_number_itself(computed: float, reported: str) -> None:
    """Half up where it is a half (50.25); 50.15 in binary is a little less than that, 50.05 too."""
    assert str(tenths(computed)) == reported


def test_half_away_from_zero() -> None:
    assert half_up(Decimal("-4.5"), Decimal(1)) == -5
