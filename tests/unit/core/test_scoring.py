"""Scores, with the published figures and with properties that must hold for any answers."""

import itertools
import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.rules import SumRule
from prom_server.core.scoring import Reason, Score, Status, check_answers, half_up, one_short, score
from prom_server.definitions.library import Library

LIBRARY = Library.shipped()
PHQ9, GAD7, PCS, PROMIS29 = (LIBRARY.get(name) for name in ("phq-9", "gad-7", "pcs", "promis-29"))
ALL = LIBRARY.instruments()


def answered(instrument: Instrument, *values: int | None) -> dict[str, int | None]:
    return dict(zip((item.id for item in instrument.scored_items), values, strict=True))


def total(instrument: Instrument, *values: int | None) -> Score:
    return score(instrument, answered(instrument, *values))[0]


def any_answers(instrument: Instrument) -> st.SearchStrategy[dict[str, int | None]]:
    return st.fixed_dictionaries(
        {
            item.id: st.one_of(st.none(), st.sampled_from([option.value for option in item.options]))
            for item in instrument.scored_items
        }
    )


def test_one_score_for_each_scale_in_the_order_of_the_file() -> None:
    scores = score(PROMIS29, {item.id: None for item in PROMIS29.items})
    assert [of.scale for of in scores] == [scale.id for scale in PROMIS29.scales]
    assert [of.scale for of in scores][-3:] == ["pain-intensity", "phs", "mhs"]


def test_prorating_rounds_half_up_where_python_would_not() -> None:
    found = total(PHQ9, 1, 1, 1, 1, 0, 0, 0, 0, None)
    assert (found.value, found.band, found.status) == (5, "mild", Status.PRORATED)
    assert (found.raw, found.answered, found.items) == (4, 8, 9)


def test_a_total_prorated_over_item_9_says_so() -> None:
    assert total(PHQ9, 1, 1, 1, 1, 0, 0, 0, 0, None).reason is Reason.KEY_ITEM_MISSING
    assert total(PHQ9, None, 1, 1, 1, 0, 0, 0, 0, 0).reason is Reason.PRORATED


@pytest.mark.parametrize(("missing", "status"), [(0, "scored"), (1, "prorated"), (2, "prorated"), (3, "not_scorable")])
def test_phq_9_allows_two_missing_answers(missing: int, status: str) -> None:
    assert total(PHQ9, *[None] * missing, *[3] * (9 - missing)).status == status


@pytest.mark.parametrize(("missing", "status"), [(0, "scored"), (1, "prorated"), (2, "not_scorable")])
def test_gad_7_allows_one_missing_answer(missing: int, status: str) -> None:
    assert total(GAD7, *[None] * missing, *[3] * (7 - missing)).status == status


@pytest.mark.parametrize(
    ("instrument", "missing", "short"),
    [
        (PHQ9, 0, False),
        (PHQ9, 1, True),  # completes a prorated score
        (PHQ9, 2, False),  # still prorated
        (PHQ9, 3, True),  # gives a prorated score
        (PHQ9, 4, False),
        (GAD7, 2, True),
        (PCS, 1, True),
        (PCS, 13, False),
        (PROMIS29, 1, True),
        (LIBRARY.get("promis-depression-4a"), 1, True),
        (LIBRARY.get("promis-depression-4a"), 2, False),
        (LIBRARY.get("promis-depression-8a"), 1, False),  # a pattern score stands
        (LIBRARY.get("promis-depression-8a"), 5, True),
        (LIBRARY.get("promis-self-efficacy-symptoms-4a"), 1, False),  # its table is what is missing
    ],
)
def test_one_short_is_where_one_more_answer_makes_or_completes_a_score(
    instrument: Instrument, missing: int, short: bool
) -> None:
    values = [item.options[-1].value for item in instrument.scored_items]
    answers = answered(instrument, *[None] * missing, *values[missing:])
    assert one_short(instrument, answers) is short


def test_a_score_that_is_not_scorable_has_nothing_but_what_was_answered() -> None:
    found = total(PHQ9, 2, 2, None, None, None, 1, 1, 1, 1)
    assert (found.value, found.se, found.band) == (None, None, None)
    assert (found.raw, found.answered, found.reason) == (8, 6, Reason.ITEMS_MISSING)


def test_nothing_answered_is_not_a_zero_even_where_all_may_be_missing() -> None:
    lenient = replace(GAD7.scales[0], rule=SumRule(max_missing=7, source="none"))
    found = score(replace(GAD7, scales=(lenient,)), answered(GAD7, *[None] * 7))
    assert found[0].status is Status.NOT_SCORABLE


def test_a_subscale_stands_while_the_total_does_not() -> None:
    found = {of.scale: of for of in score(PCS, answered(PCS, *[4] * 12, None))}
    assert [found[scale].value for scale in ("total", "rumination", "magnification", "helplessness")] == [
        None,
        16,
        None,
        24,
    ]


def test_summary_scores_agree_with_the_published_formula_in_floats() -> None:
    """The formula as public analysis scripts write it, step by step."""
    rng = random.Random(29)
    for _ in range(500):
        answers = {item.id: rng.choice(item.options).value for item in PROMIS29.items}
        found = {of.scale: of for of in score(PROMIS29, answers)}
        z = {scale: (float(of.value or 0) - 50) / 10 for scale, of in found.items()}
        pain = ((answers["Global07"] - 2.31) / 2.34 + z["pain-interference"]) / 2
        distress = (z["anxiety"] + z["depression"]) / 2
        social, physical, sleep = z["ability-participate"], z["physical-function"], z["sleep-disturbance"]
        phs = 0.872 * physical - 0.094 * pain + 0.113 * social - 0.009 * z["fatigue"] + 0.003 * distress + 0.002 * sleep
        mhs = (
            -0.015 * physical - 0.154 * pain + 0.252 * social - 0.351 * z["fatigue"] - 0.257 * distress - 0.139 * sleep
        )
        assert float(found["phs"].value or 0) == pytest.approx(50 + 10 * phs, abs=0.0501)
        assert float(found["mhs"].value or 0) == pytest.approx(50 + 10 * mhs, abs=0.0501)


def test_summary_scores_need_every_part() -> None:
    answers: dict[str, int | None] = {item.id: item.options[0].value for item in PROMIS29.items}
    for item in PROMIS29.items:
        found = {of.scale: of for of in score(PROMIS29, {**answers, item.id: None})}
        for summary in ("phs", "mhs"):
            assert found[summary].status is Status.NOT_SCORABLE
            assert found[summary].reason is Reason.SCALE_MISSING
            assert (found[summary].raw, found[summary].answered, found[summary].items) == (None, 28, 29)


@pytest.mark.parametrize("value", [True, False, 1.0, "1", 4, -1, 10**400, Decimal(1), [1], b"1"])
def test_what_is_no_option_is_refused_never_coerced(value: object) -> None:
    answers = {**answered(PHQ9, *[0] * 9), "phq4": value}
    with pytest.raises(InvalidAnswer, match="phq4") as refusal:
        score(PHQ9, answers)
    assert refusal.value.item == "phq4"
    assert len(str(refusal.value)) < 200


def test_every_scored_item_is_a_key_and_every_key_an_item() -> None:
    complete = answered(PHQ9, *[0] * 9)
    check_answers(PHQ9, complete)
    check_answers(PHQ9, {**complete, "difficulty": 3})
    check_answers(PHQ9, {**complete, "difficulty": None})
    with pytest.raises(InvalidAnswer, match="phq9 is missing"):
        check_answers(PHQ9, {key: value for key, value in complete.items() if key != "phq9"})
    with pytest.raises(InvalidAnswer, match="no item phq10"):
        check_answers(PHQ9, {**complete, "phq10": 0})
    with pytest.raises(InvalidAnswer, match="difficulty"):
        check_answers(PHQ9, {**complete, "difficulty": 4})


def test_the_unscored_item_does_not_count() -> None:
    assert total(PHQ9, *[1] * 9) == score(PHQ9, {**answered(PHQ9, *[1] * 9), "difficulty": 3})[0]


@pytest.mark.parametrize(("value", "rounded"), [("4.5", 5), ("5.5", 6), ("4.49", 4), ("10.5", 11)])
def test_half_is_rounded_up(value: str, rounded: int) -> None:
    assert half_up(Decimal(value), Decimal(1)) == rounded


@given(any_answers(PHQ9))
def test_a_prorated_total_is_the_exact_mean_half_up(answers: dict[str, int | None]) -> None:
    found = score(PHQ9, answers)[0]
    values = [value for value in answers.values() if value is not None]
    if len(values) < 7:
        assert found.value is None
    else:
        assert found.value == int(Fraction(sum(values) * 9, len(values)) + Fraction(1, 2))


@pytest.mark.parametrize("instrument", ALL, ids=lambda instrument: instrument.id)
def test_what_holds_for_any_answers(instrument: Instrument) -> None:
    @given(any_answers(instrument), st.randoms(use_true_random=False))
    def holds(answers: dict[str, int | None], rng: random.Random) -> None:
        scores = score(instrument, answers)
        shuffled = list(answers.items())
        rng.shuffle(shuffled)
        assert score(instrument, dict(shuffled)) == scores
        for of in scores:
            scale = instrument.scale_by_id[of.scale]
            missing = [item for item in scale.items if answers[item] is None]
            assert of.answered == len(scale.items) - len(missing)
            assert (of.value is None) is (of.status is Status.NOT_SCORABLE)
            assert (of.reason is None) is (of.status is Status.SCORED)
            assert missing or of.status is Status.SCORED or of.reason is Reason.TABLE_MISSING
            if of.value is None:
                assert (of.se, of.band) == (None, None)
            else:
                assert scale.low <= of.value <= scale.high
                assert of.value % scale.step == 0
                assert (of.band is None) is (not scale.bands)

    holds()


@given(any_answers(PHQ9))
def test_a_prorated_total_lies_within_what_the_missing_answers_allow(answers: dict[str, int | None]) -> None:
    found = score(PHQ9, answers)[0]
    if found.status is Status.PRORATED:
        missing = found.items - found.answered
        assert found.raw is not None
        assert found.value is not None
        assert found.raw <= found.value <= found.raw + 3 * missing


@given(any_answers(PHQ9), st.sampled_from([item.id for item in PHQ9.scored_items]))
def test_missing_never_counts_as_zero(answers: dict[str, int | None], item: str) -> None:
    """Leaving out an answer of at most the others' mean never lowers the total."""
    complete = {key: 2 if value is None else value for key, value in answers.items()}
    with_zero, without = score(PHQ9, {**complete, item: 0})[0], score(PHQ9, {**complete, item: None})[0]
    assert without.value is not None
    assert with_zero.value is not None
    assert without.status is Status.PRORATED
    assert without.value >= with_zero.value
    others = [value for key, value in complete.items() if key != item]
    if sum(others) >= 4:  # a mean of a half or more, which half up never loses
        assert without.value > with_zero.value


def test_worse_answers_never_score_better() -> None:
    for low, high in itertools.pairwise(range(4)):
        assert (total(PHQ9, *[low] * 9).value or 0) < (total(PHQ9, *[high] * 9).value or 0)
