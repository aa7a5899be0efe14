"""What page and report say of scores that are not simply scored, and of adaptive parts that were not sent."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from prom_server.core.schedule import Status
from prom_server.core.scoring import Reason
from prom_server.core.scoring import Status as ScoreStatus
from prom_server.core.trend_facts import AdministrationFacts, Answered, TrendFacts
from prom_server.reports import score_report
from prom_server.reports.score_report import ReportFacts
from tests import factories_trend as synthetic
from tests.support import toy

FACTS = ReportFacts(
    "R-12", datetime(2026, 11, 24, 10, 14, tzinfo=UTC), "Pat Pretend", "Harbour Street Pain Clinic", demo=True
)


def words(facts: TrendFacts) -> str:
    return " ".join(score_report.render(synthetic.view(facts), FACTS).split())


def with_last(scale: str, **more: object) -> TrendFacts:
    """The rich trend, with the last score of one PROMIS-29 scale changed."""
    facts = synthetic.two_courses()
    last = max((each for each in facts.assessments if each.answered_on), key=lambda each: each.on).id
    return replace(
        facts,
        scores=tuple(
            replace(each, score=replace(each.score, **more))
            if (each.assessment, each.instrument, each.score.scale) == (last, "promis-29", scale)
            else each
            for each in facts.scores
        ),
    )


def test_a_pattern_score_is_a_point_with_its_error_and_a_remark() -> None:
    facts = with_last("fatigue", status=ScoreStatus.PATTERN, reason=Reason.PATTERN, answered=6, items=8)
    chart = next(each for each in synthetic.view(facts).charts if each.series.key == "promis-29-fatigue")
    point = chart.remarks[-1]
    assert point.value is not None
    assert point.error_bar is not None
    assert chart.row.last == point
    assert chart.row.change is not None
    said = words(facts)
    assert "Fatigue scored by response pattern from 6 of 8 answers" in said
    assert "Scored by response pattern on 24 Nov 2026 from 6 of 8 answers." in said


def test_a_score_without_a_table_says_what_it_needs_and_has_neither_band_nor_point() -> None:
    facts = with_last(
        "fatigue", status=ScoreStatus.NOT_SCORABLE, reason=Reason.TABLE_MISSING, value=None, se=None, band=None
    )
    said = words(facts)
    assert "Fatigue not scorable (no public table; needs the clinic's supplement)" in said.replace("&#39;", "'")
    chart = next(each for each in synthetic.view(facts).charts if each.series.key == "promis-29-fatigue")
    assert chart.row.last is not None
    assert (chart.row.last.value, chart.row.last.error_bar, chart.row.change) == (None, None, None)


@pytest.mark.parametrize("answered", [3, 0])
def test_an_adaptive_part_that_was_not_sent_counts_to_the_most_it_asks(answered: int) -> None:
    begun = AdministrationFacts("toy", 1, "5f3a" * 16, False, answered, answered + 1, {})
    over = synthetic.assessment(
        "over",
        2,
        ("month-3", "3 months", "3 mo"),
        date(2026, 11, 24),
        Status.PARTIALLY_COMPLETED,
        battery=("toy", "phq-9"),
        administrations=((begun, synthetic.administration("phq-9"))),
        answered_on=date(2026, 11, 24),
    )
    facts = replace(
        synthetic.two_courses(),
        assessments=(over,),
        scores=(),
        instruments={**synthetic.INSTRUMENTS, "toy": toy.adaptive()},
    )
    (gap,) = synthetic.view(facts).gaps
    (part,) = gap.parts
    assert (part.answered, part.items, part.at_most) == (answered, 4, True)
    said = words(facts)
    assert ("Toy: 3 of at most 4 answered, not submitted" if answered else "Toy not answered") in said


def test_under_the_scores_stands_how_each_time_point_was_answered() -> None:
    """A change may be one of mode, of language, or of who answered."""
    tablet = Answered("own_device", "en", also=("kiosk",))
    daughter = Answered("telephone", "es", "proxy", "daughter")
    point = ("baseline", "Baseline", "Base")
    here = (
        synthetic.administration("phq-9", how=tablet),
        synthetic.administration("gad-7", how=tablet),
        synthetic.administration("promis-29", how=daughter),
        synthetic.administration("pcs", how=daughter, submitted=False),
    )
    one = synthetic.assessment("one", 1, point, date(2026, 11, 24), administrations=here)
    facts = replace(synthetic.two_courses(), assessments=(one,), alerts=())
    facts = replace(facts, scores=tuple(replace(each, assessment="one") for each in facts.scores[:1]))
    assert (
        "How it was answered. Course 1: Baseline, 24 Nov 2026: own device and clinic tablet, English (PHQ-9, GAD-7); "
        "telephone; answered for the patient by: daughter, Spanish (PROMIS-29)."
    ) in words(facts)
