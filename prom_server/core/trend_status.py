"""What is missing, what comes next, and what a person must still look at."""

from collections.abc import Iterable
from datetime import date

from prom_server.core.alert_causes import Fact
from prom_server.core.alert_desk import asked
from prom_server.core.instrument import Level
from prom_server.core.schedule import Status
from prom_server.core.trend_facts import AlertFacts, AlertState, AssessmentFacts, TrendFacts
from prom_server.core.trend_points import Chart
from prom_server.core.trend_view import Gap, OpenAlert, PartGap, Pending, ScoreGap

_NOW = frozenset({Status.OPEN, Status.DUE, Status.OVERDUE, Status.IN_PROGRESS})


def gaps(facts: TrendFacts, assessments: Iterable[AssessmentFacts], charts: Iterable[Chart]) -> tuple[Gap, ...]:
    """Newest first; one for each assessment of which anything is missing."""
    charts = tuple(charts)
    found = (_gap(facts, each, charts) for each in assessments)
    return tuple(reversed([gap for gap in found if gap.expired or gap.parts or gap.scores]))


def _gap(facts: TrendFacts, assessment: AssessmentFacts, charts: tuple[Chart, ...]) -> Gap:
    over = assessment.status in {Status.EXPIRED, Status.PARTIALLY_COMPLETED}
    parts = tuple(_parts(facts, assessment)) if over else ()
    submitted = any(each.submitted for each in assessment.administrations)
    scores = tuple(
        ScoreGap(chart.series, point.score)
        for chart in charts
        for point in chart.remarks
        if point.assessment == assessment.id and point.score is not None
    )
    return Gap(
        course=assessment.course,
        name=assessment.name,
        on=assessment.on,
        closes_on=assessment.window.closes_on,
        expired=over and not submitted,
        parts=tuple(part for part in parts if submitted or part.answered),
        scores=scores,
    )


def _parts(facts: TrendFacts, assessment: AssessmentFacts) -> Iterable[PartGap]:
    for id_ in dict.fromkeys((*assessment.battery, *(each.instrument for each in assessment.administrations))):
        begun, instrument = assessment.administration(id_), facts.instruments[id_]
        answered = begun.answered if begun else 0
        if instrument.adaptive and not (begun and begun.submitted):
            yield PartGap(instrument.short, answered, instrument.adaptive.most, at_most=True)
        elif begun is None:
            yield PartGap(instrument.short, 0, len(instrument.scored_items))
        elif not begun.submitted:
            yield PartGap(instrument.short, answered, begun.items)


def pending(assessments: Iterable[AssessmentFacts], today: date) -> tuple[Pending, ...]:
    """What can be answered today, the earliest due first, and the next that opens after it."""
    waiting = sorted(
        (_pending(each, today) for each in assessments if each.status in _NOW or each.status is Status.SCHEDULED),
        key=lambda each: each.due_on,
    )
    now = [each for each in waiting if each.status in _NOW]
    later = [each for each in waiting if each.status is Status.SCHEDULED]
    return (*now, *later[:1])


def _pending(each: AssessmentFacts, today: date) -> Pending:
    return Pending(
        course=each.course,
        name=each.name,
        status=each.status,
        opens_on=each.window.opens_on,
        due_on=each.window.due_on,
        closes_on=each.window.closes_on,
        days=(each.window.due_on - today).days,
        submitted=sum(begun.submitted for begun in each.administrations),
        parts=len(each.battery),
    )


def open_alerts(facts: TrendFacts) -> tuple[OpenAlert, ...]:
    """Alerts before flags, the newest first. Only resolving closes one."""
    unresolved = [each for each in facts.alerts if each.state is not AlertState.RESOLVED]
    newest = sorted(unresolved, key=lambda each: each.raised_at, reverse=True)
    return tuple(_alert(facts, each) for each in sorted(newest, key=lambda each: each.level is not Level.ALERT))


def _alert(facts: TrendFacts, alert: AlertFacts) -> OpenAlert:
    instrument = facts.instruments[alert.instrument]
    fact = alert.cause or Fact(alert.rule)
    rule = next((each for each in instrument.alerts if alert.rule in {each.rule, each.unanswered_rule}), None)
    if rule is None:
        it = asked(instrument, fact)
        return OpenAlert(alert, it.topic, it.instrument, it.label, it.cause)
    value = alert.values[-1].value if alert.values else None
    option = None if value is None else instrument.item_by_id[rule.item].option(value)
    return OpenAlert(alert, rule.topic, instrument.short, option.label if option else None)
