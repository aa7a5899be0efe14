"""Answers item by item: the watched ones now and before, and the map of all answers to a form that has one."""

from prom_server.core.instrument import Instrument, Item, ItemAlert, Level
from prom_server.core.schedule import Status
from prom_server.core.trend_facts import AdministrationFacts, AlertFacts, AlertValue, AssessmentFacts, TrendFacts
from prom_server.core.trend_points import Chart
from prom_server.core.trend_view import Beside, Cell, ItemColumn, ItemMap, ItemRow, Watched, WatchedAnswer

Assessments = tuple[AssessmentFacts, ...]
_DARKEST = 4
_OVER = frozenset({Status.COMPLETED, Status.PARTIALLY_COMPLETED, Status.EXPIRED})


def watched(facts: TrendFacts, assessments: Assessments) -> tuple[Watched, ...]:
    """Every item with an alert rule, of every instrument that was ever asked. An answer is listed once."""
    return tuple(
        _watched(facts, instrument, rule, assessments)
        for instrument in _asked(facts, assessments)
        for rule in instrument.alerts
    )


def _asked(facts: TrendFacts, assessments: Assessments) -> tuple[Instrument, ...]:
    ids = dict.fromkeys(
        id_ for each in assessments for id_ in (*each.battery, *(begun.instrument for begun in each.administrations))
    )
    return tuple(facts.instruments[id_] for id_ in ids)


def _watched(facts: TrendFacts, instrument: Instrument, rule: ItemAlert, assessments: Assessments) -> Watched:
    begun = [
        (each, found) for each in assessments if (found := each.administration(instrument.id)) and found.same_as is None
    ]
    begun.sort(key=lambda pair: pair[0].on, reverse=True)
    answers = tuple(_answer(facts, instrument, rule, *pair) for pair in begun)
    without_value = bool(answers) and not isinstance(answers[0].response, int)
    beside = tuple(
        Beside(
            instrument.item_by_id[id_].short or instrument.item_by_id[id_].text or id_, begun[0][1].responses.get(id_)
        )
        for id_ in (rule.beside if without_value else ())
    )
    return Watched(rule.topic, instrument.short, answers[0] if answers else None, answers[1:], beside)


def _answer(
    facts: TrendFacts, instrument: Instrument, rule: ItemAlert, assessment: AssessmentFacts, begun: AdministrationFacts
) -> WatchedAnswer:
    response = begun.responses.get(rule.item)
    value = response if type(response) is int else None
    option = None if value is None else instrument.item_by_id[rule.item].option(value)
    return WatchedAnswer(
        course=assessment.course,
        name=assessment.name,
        short=assessment.short,
        on=assessment.on,
        response=response,
        label=option.label if option else None,
        at_least=value is not None and value >= rule.at_least,
        submitted=begun.submitted,
        earlier=_earlier(facts.alerts, assessment, instrument, rule, value),
    )


def _earlier(
    alerts: tuple[AlertFacts, ...],
    assessment: AssessmentFacts,
    instrument: Instrument,
    rule: ItemAlert,
    now: int | None,
) -> tuple[AlertValue, ...]:
    """The values that the alert saw before the one that stands: a later answer withdraws nothing."""
    values = [
        value
        for alert in alerts
        if (alert.assessment, alert.instrument, alert.rule) == (assessment.id, instrument.id, rule.rule)
        and alert.level is Level.ALERT
        for value in alert.values
    ]
    return tuple(values[:-1] if values and values[-1].value == now else values)


def item_maps(facts: TrendFacts, assessments: Assessments, charts: tuple[Chart, ...]) -> tuple[ItemMap, ...]:
    """One for every instrument with an alert rule that was begun at least once."""
    return tuple(
        _map(instrument, chart, columns)
        for instrument in _asked(facts, assessments)
        if instrument.alerts
        for columns in [_columns(instrument, assessments)]
        if any(begun for _, begun in columns)
        for chart in [next(each for each in charts if each.series.instrument == instrument.id)]
    )


Columns = list[tuple[AssessmentFacts, AdministrationFacts | None]]


def _columns(instrument: Instrument, assessments: Assessments) -> Columns:
    """What was begun, and what is over without having been begun."""
    return [
        (each, begun)
        for each in assessments
        for begun in [each.administration(instrument.id)]
        if begun or (instrument.id in each.battery and each.status in _OVER)
    ]


def _map(instrument: Instrument, chart: Chart, columns: Columns) -> ItemMap:
    points = {point.assessment: point for point in chart.points}
    answered = {id_ for _, begun in columns if begun for id_ in begun.responses}
    shown = [item for item in instrument.items if item.scored or item.id in answered]
    return ItemMap(
        instrument=instrument.short,
        series=chart.series,
        context=instrument.scored_items[0].context,
        options=instrument.scored_items[0].options,
        columns=tuple(
            ItemColumn(each.course, each.short, each.on, bool(begun and begun.submitted), begun is not None)
            for each, begun in columns
        ),
        rows=tuple(_row(instrument, item, columns) for item in shown),
        totals=tuple(points.get(each.id) for each, _ in columns),
    )


def _row(instrument: Instrument, item: Item, columns: Columns) -> ItemRow:
    apart = instrument.alert_on(item.id) is not None
    full = item.text or item.placeholder or item.id
    number = instrument.scored_items.index(item) + 1 if item.scored else None
    cells = tuple(_cell(item, begun) for _, begun in columns)
    return ItemRow(full if apart else item.short or full, number, apart, item.scored, cells)


def _cell(item: Item, begun: AdministrationFacts | None) -> Cell:
    response = begun.responses.get(item.id) if begun else None
    if type(response) is not int:
        return Cell(response, 0)
    values = sorted(option.value for option in item.options)
    return Cell(response, round(_DARKEST * values.index(response) / (len(values) - 1)))
