"""Marks on page and report: scored by pattern, re-computed under another revision, the item bank behind a score."""

from dataclasses import replace

import pytest

from prom_server.core.instrument import Parameters
from prom_server.core.scoring import Reason
from prom_server.core.scoring import Status as ScoreStatus
from prom_server.core.trend_facts import TrendFacts
from prom_server.core.trend_points import Chart, Rescored
from prom_server.reports import score_report
from prom_server.reports.look import LOOKS, Look
from prom_server.reports.marks import Shape
from tests import factories_trend as synthetic
from tests.unit.reports.test_charts import WORDS as CHART_WORDS
from tests.unit.reports.test_charts import draw, texts
from tests.unit.reports.test_pdf import body
from tests.unit.reports.test_trend_words import with_last, words

PATTERN = {"status": ScoreStatus.PATTERN, "reason": Reason.PATTERN, "answered": 6, "items": 8}
QUIET = "Re-computed under revision 2; answered under revision 1"


def page(facts: TrendFacts) -> str:
    return " ".join(body(synthetic.view(facts)).split())


def fatigue(facts: TrendFacts) -> Chart:
    return next(each for each in synthetic.view(facts).charts if each.series.key == "promis-29-fatigue")


def rescored() -> TrendFacts:
    """Two courses, in which the last PROMIS-29 was scored again under revision 2."""
    facts = synthetic.two_courses()
    last = max((each for each in facts.assessments if each.answered_on), key=lambda each: each.on).id
    newer = replace(facts.instruments["promis-29"], revision=2, content_hash="77aa" * 16)
    scores = (
        replace(each, revision=2 if (each.assessment, each.instrument) == (last, "promis-29") else 1)
        for each in facts.scores
    )
    return replace(facts, scores=tuple(scores), instruments={**facts.instruments, "promis-29": newer})


def with_bank() -> TrendFacts:
    facts = synthetic.two_courses()
    bank = replace(facts.instruments["promis-29"], parameters=Parameters("promis-fatigue", 3, "9c0d" * 16))
    return replace(facts, instruments={**facts.instruments, "promis-29": bank})


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_a_point_scored_by_pattern_has_a_sign_of_its_own(look: Look) -> None:
    plain = draw(synthetic.view(), fatigue(synthetic.two_courses()), look, CHART_WORDS)
    facts = with_last("fatigue", **PATTERN)
    marked = draw(synthetic.view(facts), fatigue(facts), look, CHART_WORDS)
    squares = [each for each in marked.marks if isinstance(each, Shape) and each.stroke]
    assert len(squares) == 1
    assert (
        len({x for x, _ in squares[0].corners}) == 2
    )  # it stands on a side; the diamond of a prorated value, on a tip
    assert "62.7 r" in {each.words for each in texts(marked, "value")}
    assert not any(each.words.endswith(" r") for each in texts(plain, "value"))


def test_the_mark_and_its_words_stand_on_page_and_report() -> None:
    facts = with_last("fatigue", **PATTERN)
    for said in (page(facts), words(facts)):
        assert "scored by pattern (r)" in said
        assert "p: prorated. r: scored by response pattern. A dash: not answered." in said
        assert '<td class="number">62.7 r</td>' in said
    assert "scored by pattern (r)" not in words(synthetic.two_courses())  # no sign that no chart has


def test_a_score_of_another_revision_says_so_at_its_point() -> None:
    chart = fatigue(rescored())
    assert [each.rescored for each in chart.points if each.rescored] == [Rescored(under=2, answered_under=1)]
    assert chart.points[-2].rescored  # the last answered one; the next is due
    assert [(each.under, [point.short for point in points]) for each, points in chart.rescored] == [(2, ["3 mo"])]


def test_page_and_report_say_in_a_quiet_line_what_was_computed_again() -> None:
    for said in (page(rescored()), words(rescored())):
        assert f"{QUIET} (24 Nov 2026)." in said
        assert f"{QUIET}: Pain interference (24 Nov 2026), Pain intensity, 0–10 (24 Nov 2026)," in said
    for said in (page(synthetic.two_courses()), words(synthetic.two_courses())):
        assert "Re-computed" not in said


def test_sources_name_both_revisions() -> None:
    used = synthetic.view(rescored()).sources.instruments
    found = [(each.revision, each.content_hash[:4]) for each in used if each.name.startswith("PROMIS-29")]
    assert found == [(1, "5f3a"), (2, "77aa")]


def test_sources_name_the_item_bank() -> None:
    said = "item bank promis-fatigue, revision 3 (9c0d9c0d)"
    environment = score_report.environment("en", score_report.UNTRANSLATED)
    template = environment.get_template("clinic/_trend_sources.html")
    assert said in " ".join(template.render(view=synthetic.view(with_bank())).split())
    assert said in words(with_bank())
    assert "item bank" not in words(synthetic.two_courses())


def test_the_bank_of_another_revision_is_not_claimed() -> None:
    facts = with_bank()
    newer = replace(facts.instruments["promis-29"], revision=2, content_hash="77aa" * 16)
    used = synthetic.view(replace(facts, instruments={**facts.instruments, "promis-29": newer})).sources.instruments
    assert [each.bank for each in used if each.name.startswith("PROMIS-29")] == [None]
