"""The view behind a patient's page and report."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from prom_server.core.change import Absence
from prom_server.core.instrument import Level
from prom_server.core.schedule import Status
from prom_server.core.trend_facts import AlertState, NotAnswered, TrendFacts
from prom_server.core.trend_points import ChangeRow, Point, PointStatus
from prom_server.core.trend_view import TrendView
from tests import factories_trend as synthetic


def row(view: TrendView, key: str) -> ChangeRow:
    return next(each for each in view.rows if each.series.key == key)


def points(view: TrendView, key: str) -> tuple[Point, ...]:
    return next(each.points for each in view.charts if each.series.key == key)


def names(rows: tuple[ChangeRow, ...]) -> list[str]:
    return [each.series.name for each in rows]


def changed(facts: TrendFacts, id_: str, **more: object) -> TrendFacts:
    every = tuple(replace(each, **more) if each.id == id_ else each for each in facts.assessments)
    return replace(facts, assessments=every)


def without(facts: TrendFacts, id_: str) -> TrendFacts:
    return replace(
        facts,
        assessments=tuple(each for each in facts.assessments if each.id != id_),
        scores=tuple(each for each in facts.scores if each.assessment != id_),
        alerts=tuple(each for each in facts.alerts if each.assessment != id_),
    )


def test_the_first_charts_are_those_a_pain_programme_looks_at_first() -> None:
    view = synthetic.view()
    assert [chart.series.key for chart in view.charts[: view.first_charts]] == [
        "promis-29-pain-interference",
        "promis-29-pain-intensity",
        "promis-29-physical-function",
        "promis-29-fatigue",
        "phq-9-total",
        "pcs-total",
    ]
    assert len(view.charts) == 16


def test_header() -> None:
    header = synthetic.view().header
    assert (header.age, header.days_since_infusion, header.last_answered_on) == (58, 88, date(2026, 11, 24))
    assert header.course is not None
    assert header.course.number == 2


@pytest.mark.parametrize(("today", "age"), [(date(2026, 3, 11), 57), (date(2026, 3, 12), 58)])
def test_age_in_completed_years(today: date, age: int) -> None:
    assert synthetic.view(today=today).header.age == age


def test_worse_and_better_only_where_the_threshold_is_reached() -> None:
    view = synthetic.view()
    assert names(view.worse.unknown) == ["PHQ-9"]
    assert not view.worse.beyond
    assert names(view.better.beyond) == ["Pain interference", "Pain catastrophizing"]
    assert names(view.better.unknown) == ["Pain intensity, 0–10"]
    assert names(view.better.within) == ["Physical function", "Sleep disturbance", "Ability to participate"]
    reached = {each.series.key for each in view.rows if each.change and each.change.reached}
    assert len(reached) == 7


def test_change_is_against_the_baseline_of_the_same_course() -> None:
    found = row(synthetic.view(), "promis-29-pain-interference")
    assert found.baseline is not None
    assert found.baseline.value == Decimal("68.0")  # not 69.7 of the first course
    assert found.change is not None
    assert found.change.difference == Decimal("-9.5")
    assert found.since_previous == Decimal("-4.0")
    assert found.absence is None


def test_no_baseline_is_ever_substituted() -> None:
    view = synthetic.view(without(synthetic.two_courses(), "s4"))
    found = row(view, "promis-29-pain-interference")
    assert found.baseline is None
    assert found.change is None
    assert found.absence is Absence.NO_BASELINE
    assert not view.worse
    assert not view.better


def test_a_baseline_that_is_not_scorable_is_no_baseline_to_count_from() -> None:
    facts = synthetic.two_courses()
    scores = tuple(
        replace(each, score=synthetic.score("fatigue", each.score.metric, None))
        if (each.assessment, each.score.scale) == ("s4", "fatigue")
        else each
        for each in facts.scores
    )
    found = row(synthetic.view(replace(facts, scores=scores)), "promis-29-fatigue")
    assert (found.change, found.absence) == (None, Absence.BASELINE_NOT_SCORABLE)


def test_the_last_answer_counts_even_when_it_is_not_scorable() -> None:
    view = synthetic.view(without(without(without(synthetic.two_courses(), "s4"), "s5"), "s6"))
    found = row(view, "promis-29-fatigue")
    assert found.last is not None
    assert found.last.status is PointStatus.NOT_SCORABLE
    assert (found.change, found.absence) == (None, Absence.LAST_NOT_SCORABLE)


def test_only_a_baseline() -> None:
    view = synthetic.view(synthetic.only_baseline())
    assert {each.absence for each in view.rows} == {Absence.ONLY_BASELINE}
    assert not view.comparable
    assert view.header.days_since_infusion is None


def test_nothing_yet() -> None:
    view = synthetic.view(synthetic.nothing_yet())
    assert {each.absence for each in view.rows} == {Absence.NOT_ANSWERED}
    assert not view.scored
    assert [each.now for each in view.watched] == [None]
    assert [each.status for each in view.pending] == [Status.OPEN]
    assert view.items == ()
    assert view.sources.instruments == ()


def test_nothing_at_all() -> None:
    facts = replace(synthetic.nothing_yet(), courses=(), assessments=())
    view = synthetic.view(facts)
    assert (view.charts, view.watched, view.pending, view.gaps) == ((), (), (), ())
    assert view.header.course is None


def test_status_of_points() -> None:
    assert [each.status for each in points(synthetic.view(), "promis-29-fatigue")] == [
        PointStatus.SCORED,
        PointStatus.SCORED,
        PointStatus.NOT_SCORABLE,
        PointStatus.UNANSWERED,
        PointStatus.SCORED,
        PointStatus.SCORED,
        PointStatus.SCORED,
        PointStatus.DUE,
    ]
    assert points(synthetic.view(), "phq-9-total")[2].status is PointStatus.PRORATED


def test_an_instrument_never_submitted_before_closing_is_unanswered() -> None:
    facts = synthetic.two_courses()
    begun = synthetic.administration("gad-7", {"gad1": 1}, submitted=False, answered=5, items=7)
    kept = tuple(begun if each.instrument == "gad-7" else each for each in facts.assessments[0].administrations)
    facts = changed(facts, "s1", status=Status.PARTIALLY_COMPLETED, administrations=kept)
    scores = tuple(each for each in facts.scores if (each.assessment, each.instrument) != ("s1", "gad-7"))
    view = synthetic.view(replace(facts, scores=scores))
    assert points(view, "gad-7-total")[0].status is PointStatus.UNANSWERED
    gap = view.gaps[-1]
    assert not gap.expired
    assert [(part.instrument, part.answered, part.items) for part in gap.parts] == [("GAD-7", 5, 7)]


def test_cancelled_was_never_asked() -> None:
    view = synthetic.view(changed(synthetic.two_courses(), "e1", status=Status.CANCELLED))
    assert all(each.name != "6 months" for each in view.gaps)
    assert len(points(view, "phq-9-total")) == 7


def test_gaps_newest_first() -> None:
    gaps = synthetic.view().gaps
    assert [(each.name, each.expired) for each in gaps] == [("6 months", True), ("3 months", False)]
    assert [each.series.name for each in gaps[1].scores][:2] == ["Fatigue", "PHQ-9"]


def test_watched_item_now_and_before_with_the_values_it_had() -> None:
    (watched,) = synthetic.view().watched
    assert watched.now is not None
    assert (watched.now.response, watched.now.label, watched.now.at_least) == (2, "More than half the days", True)
    assert [each.value for each in watched.now.earlier] == [1]
    assert [each.response for each in watched.before] == [0, 1, 1, 1, 1]
    assert watched.beside == ()


def test_a_withdrawn_value_stays_in_sight() -> None:
    facts = synthetic.two_courses()
    alert = replace(facts.alerts[0], values=facts.alerts[0].values[::-1])
    last = next(each for each in facts.assessments if each.id == "s6")
    phq = next(each for each in last.administrations if each.instrument == "phq-9")
    now_zero = replace(phq, responses={**phq.responses, "phq9": 0})
    facts = changed(facts, "s6", administrations=(now_zero,))
    (watched,) = synthetic.view(replace(facts, alerts=(alert,))).watched
    assert watched.now is not None
    assert watched.now.response == 0
    assert [each.value for each in watched.now.earlier] == [2, 1]


@pytest.mark.parametrize("why", list(NotAnswered))
def test_an_unanswered_watched_item_says_why_with_what_stands_beside_it(why: NotAnswered) -> None:
    facts = synthetic.two_courses()
    responses = {"phq1": 3, "phq2": 2, "phq9": why}
    begun = synthetic.administration("phq-9", responses, submitted=False, answered=2)
    (watched,) = synthetic.view(changed(facts, "s6", administrations=(begun,))).watched
    assert watched.now is not None
    assert (watched.now.response, watched.now.submitted, watched.now.at_least) == (why, False, False)
    assert [each.response for each in watched.beside] == [3, 2]


def test_open_alerts_alerts_before_flags_and_resolved_ones_gone() -> None:
    facts = synthetic.two_courses()
    alert = facts.alerts[0]
    flag = replace(
        alert,
        id="f1",
        rule="item-9-not-answered",
        level=Level.FLAG,
        values=(),
        raised_at=alert.raised_at + timedelta(1),
    )
    resolved = replace(alert, id="r1", state=AlertState.RESOLVED)
    acknowledged = replace(alert, id="k1", state=AlertState.ACKNOWLEDGED)
    view = synthetic.view(replace(facts, alerts=(flag, resolved, acknowledged)))
    assert [each.facts.id for each in view.alerts] == ["k1", "f1"]
    assert view.alerts[0].label == "More than half the days"
    assert view.alerts[1].label is None


def test_pending_what_is_open_now_and_the_next() -> None:
    facts = changed(synthetic.two_courses(), "e1", status=Status.OVERDUE)
    view = synthetic.view(facts)
    assert [(each.course, each.status, each.days) for each in view.pending] == [
        (1, Status.OVERDUE, -132),
        (2, Status.SCHEDULED, 92),
    ]


def test_the_same_scale_of_two_instruments_is_two_series() -> None:
    facts = synthetic.two_courses()
    other = replace(synthetic.promis29(), id="promis-pain-interference-8a", short="PI 8a")
    other = replace(other, scales=tuple(each for each in other.scales if each.id == "pain-interference"))
    both = tuple(replace(each, battery=(*each.battery, other.id)) for each in facts.assessments)
    view = synthetic.view(replace(facts, assessments=both, instruments={**facts.instruments, other.id: other}))
    found = [each.series for each in view.charts if each.series.scale.id == "pain-interference"]
    assert [each.name for each in found] == ["Pain interference, PROMIS-29", "Pain interference, PI 8a"]
    assert len({each.key for each in found}) == 2
    assert view.first_charts == 6
    assert all(each.value is None for each in points(view, "promis-pain-interference-8a-pain-interference"))


def test_item_map_has_the_watched_item_apart_and_in_full() -> None:
    (map_,) = synthetic.view().items
    assert [each.number for each in map_.rows] == list(range(1, 10))
    assert [each.apart for each in map_.rows] == [False] * 8 + [True]
    assert map_.rows[-1].text.startswith("Thoughts that you would be better off dead")
    assert [(each.begun, each.short) for each in map_.columns][3] == (False, "6 mo")
    assert map_.rows[4].cells[2].response is NotAnswered.SKIPPED
    assert [each.cells[0].shade for each in map_.rows][:4] == [3, 3, 3, 4]
    assert [each.value if each else None for each in map_.totals] == [14, 11, 12, None, 12, 9, 17]


def test_sources_name_only_what_was_used() -> None:
    used = synthetic.view().sources
    assert (used.instruments[0].name, used.instruments[0].revision) == ("PROMIS-29 Profile v2.1", 1)
    shared = next(each for each in used.thresholds if each.source.startswith("HealthMeasures"))
    assert shared.scales == ("Fatigue", "Sleep disturbance", "Ability to participate")
    assert [each.value for each in used.errors] == [Decimal("7.73")]
    assert len(used.notices) == 3


def test_every_number_is_in_the_table_of_all_scores() -> None:
    view = synthetic.view()
    assert len(view.values.columns) == 6
    for series, cells in view.values.rows:
        drawn = [each.value for each in points(view, series.key) if each.score is not None]
        assert [each.value for each in cells if each] == drawn


def test_a_follow_up_answered_after_the_next_course_began_stays_with_its_course() -> None:
    facts = changed(synthetic.two_courses(), "s3", answered_on=date(2026, 9, 1))
    assert [each.course for each in points(synthetic.view(facts), "phq-9-total")] == [1, 1, 1, 1, 2, 2, 2, 2]


def test_the_heads_of_the_change_table_are_the_days_of_most_rows() -> None:
    table = synthetic.view().change
    assert (table.baseline_on, table.previous_on, table.last_on) == synthetic.SECOND_DAYS
    assert [group.better.value for group in table.groups] == ["lower", "higher"]
