"""What every shipped instrument makes of every single missing answer: never a zero, never a point that is none.

The expectation is written out from the kind of rule in the file; the score, the trend, the chart and the JSON line
are this program's.
"""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner

from prom_server.cli.score import score as score_command
from prom_server.core import cat
from prom_server.core.change import Absence
from prom_server.core.instrument import Instrument
from prom_server.core.scoring import Score, score
from prom_server.core.trend import trend
from prom_server.core.trend_facts import RecordedScore, TrendFacts
from prom_server.core.trend_points import PointStatus
from prom_server.core.trend_view import TrendView
from prom_server.definitions.library import Library
from prom_server.reports.canvas import ChartWords
from prom_server.reports.charts import draw
from prom_server.reports.look import WIDE
from prom_server.reports.marks import Circle, Shape, Text
from tests import factories_trend as synthetic
from tests.support.independent import Form, beneath, forms

LIBRARY = Library.shipped()
FORMS = {f"{form.id}.v{form.revision}": form for form in forms()}
FIXED = {name: form for name, form in FORMS.items() if form.adaptive is None}
ADAPTIVE = {name: form for name, form in FORMS.items() if form.adaptive is not None}
BY_PATTERN = {  # 6 or more items with parameters: 4 or more are left when one is missing
    *("promis-depression-6a.v1", "promis-depression-8a.v1", "promis-depression-8b.v1"),
    *("promis-anxiety-6a.v1", "promis-anxiety-8a.v1"),
    *("promis-fatigue-6a.v1", "promis-fatigue-7a.v1", "promis-fatigue-8a.v1"),
}
WORDS = ChartWords(
    *("course {number} {days}", "{number} {month}", "{number}", "lower", "higher"),
    *("not|answered", "not|scorable", "due|{day}", "p", "r", "nothing"),
)

Answers = dict[str, int | None]


def instrument(form: Form) -> Instrument:
    return LIBRARY.get(form.id, form.revision)


def complete(form: Form) -> Answers:
    """The option in the middle, everywhere."""
    return {item: sorted(form.values(item))[len(form.values(item)) // 2] for item in form.scored}


def each_missing(form: Form) -> Iterator[tuple[str, Answers]]:
    for item in form.scored:
        yield item, {**complete(form), item: None}


def expected(form: Form, scale: dict[str, Any], item: str) -> tuple[str, str | None]:
    """The status and the reason of a scale when just this item is missing."""
    rule, items = scale["rule"], beneath(form, scale)
    if rule.get("supplied"):
        return "not_scorable", "table-missing"
    if item not in items:
        return "scored", None
    if rule["kind"] == "sum" and rule["max_missing"] > 0:
        return "prorated", "key-item-missing" if item in form.alarming else "prorated"
    if "pattern" in rule and len(items) > rule["pattern"]["least"]:
        return "pattern", "pattern"
    return "not_scorable", "scale-missing" if rule["kind"] == "composite" else "items-missing"


@pytest.mark.parametrize("form", FIXED.values(), ids=FIXED)
def test_status_and_reason_of_every_scale(form: Form) -> None:
    whole = {of.scale: of for of in score(instrument(form), complete(form))}
    for item, answers in each_missing(form):
        for scale, of in zip(form.scales, score(instrument(form), answers), strict=True):
            assert (of.status, of.reason) == expected(form, scale, item), item
            assert (of == whole[of.scale]) is (item not in beneath(form, scale)), item
            assert of.items - of.answered == (item in beneath(form, scale)), item
            assert (of.value is None) is (of.status == "not_scorable"), item
            assert of.value is not None or (of.se, of.band) == (None, None), item


def test_the_pattern_is_scored_in_exactly_these_forms() -> None:
    found = set()
    for name, form in FIXED.items():
        statuses = [{of.status for of in score(instrument(form), answers)} for _, answers in each_missing(form)]
        if any("pattern" in each for each in statuses):
            assert all(each == {"pattern"} for each in statuses)
            found.add(name)
    assert found == BY_PATTERN


def test_prorated_in_exactly_these() -> None:
    found = {
        (form.id, of.scale)
        for form in FIXED.values()
        for _, answers in each_missing(form)
        for of in score(instrument(form), answers)
        if of.status == "prorated"
    }
    assert found == {("phq-9", "total"), ("phq-8", "total"), ("gad-7", "total")}


@pytest.mark.parametrize("form", ADAPTIVE.values(), ids=ADAPTIVE)
def test_another_item_takes_the_place_of_a_skipped_one(form: Form) -> None:
    """Everywhere on the way that the middle options lead: no score depends on any one item."""
    for skipped in walk(form):
        answers = walk(form, skipped)
        [of] = score(instrument(form), answers)
        assert list(answers) != list(walk(form))
        assert (of.status, of.reason, of.raw) == ("scored", None, None)
        assert (of.items, of.answered) == (len(answers), len(answers) - 1)
        assert of.value is not None
        assert of.band is not None


def walk(form: Form, skipped: str | None = None) -> Answers:
    answers: Answers = {}
    while item := cat.replay(instrument(form), answers).item:
        answers[item] = None if item == skipped else complete(form)[item]
    return answers


# ---- Where scores are shown


def seen(form: Form, *administrations: tuple[Score, ...]) -> TrendView:
    """The trend of one course in which this alone was answered, at baseline and then at the last infusion."""
    facts = synthetic.two_courses()
    days = zip(synthetic.POINTS, synthetic.FIRST_DAYS, administrations, strict=False)
    asked = tuple(
        synthetic.assessment(point[0], 1, point, day, battery=(form.id,), administrations=()) for point, day, _ in days
    )
    recorded = tuple(
        RecordedScore(each.id, form.id, of)
        for each, scores in zip(asked, administrations, strict=True)
        for of in scores
    )
    found = TrendFacts(facts.patient, facts.courses[:1], asked, recorded, (), {form.id: instrument(form)})
    return trend(found, date(2026, 5, 1))


@pytest.mark.parametrize("form", FIXED.values(), ids=FIXED)
def test_what_is_not_scorable_has_no_point_and_no_change(form: Form) -> None:
    whole = score(instrument(form), complete(form))
    for item, answers in each_missing(form):
        scores = score(instrument(form), answers)
        view = seen(form, whole, scores)
        charts = {chart.series.scale.id: chart for chart in view.charts}
        for of in scores:
            chart = charts[of.scale]
            point, without = chart.points[-1], of.status == "not_scorable"
            assert point.status == PointStatus(of.status), item
            assert (point.value is None) is (point.error_bar is None and without) is without, item
            assert (chart.row.change is None) is without, item
            assert len(drawn(view, of.scale)) == sum(each.value is not None for each in chart.points), item
            if without and whole[scores.index(of)].value is not None:
                assert chart.row.absence is Absence.LAST_NOT_SCORABLE, item


@pytest.mark.parametrize("form", FIXED.values(), ids=FIXED)
def test_a_chart_of_nothing_scorable_draws_nothing_and_says_so(form: Form) -> None:
    nothing: Answers = dict.fromkeys(form.scored)
    view = seen(form, score(instrument(form), nothing))
    for chart in view.charts:
        assert not chart.answered
        assert drawn(view, chart.series.scale.id) == []
        words = [mark.words for mark in draw(view, chart, WIDE, WORDS).marks if isinstance(mark, Text)]
        assert WORDS.empty in words
        assert {"not", "scorable"} <= set(words)


def drawn(view: TrendView, scale: str) -> list[Circle | Shape]:
    """The marks of values: a circle, or a diamond where the score is not simply scored."""
    chart = next(each for each in view.charts if each.series.scale.id == scale)
    marks = draw(view, chart, WIDE, WORDS).marks
    return [each for each in marks if isinstance(each, Circle) or (isinstance(each, Shape) and len(each.corners) == 4)]


@pytest.mark.parametrize("form", FIXED.values(), ids=FIXED)
def test_the_json_line_has_nulls(form: Form) -> None:
    lines = [json.dumps({"id": item, "answers": answers}) for item, answers in each_missing(form)]
    arguments = [form.id, "--revision", str(form.revision)]
    result = CliRunner().invoke(score_command, arguments, input="\n".join(lines), catch_exceptions=False)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["id"] for record in records] == form.scored
    for record in records:
        for scale, found in zip(form.scales, record["scores"], strict=True):
            status, reason = expected(form, scale, record["id"])
            assert (found["status"], found["reason"]) == (status, reason)
            if status == "not_scorable":
                assert [found[key] for key in ("value", "se", "band")] == [None, None, None]
            else:
                assert isinstance(found["value"], int | float)
