"""A patient's trend: `trend(facts, today)` gives the one view that the page and the PDF render."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from prom_server.core.change import Absence, Change, Direction, change
from prom_server.core.instrument import Better, Scale
from prom_server.core.schedule import Status
from prom_server.core.scoring import Status as ScoreStatus
from prom_server.core.trend_facts import AssessmentFacts, CourseFacts, PatientFacts, RecordedScore, TrendFacts
from prom_server.core.trend_how import how_lines
from prom_server.core.trend_items import item_maps, watched
from prom_server.core.trend_points import ChangeRow, Chart, Point, PointStatus, Rescored, Series
from prom_server.core.trend_sources import sources
from prom_server.core.trend_status import gaps, open_alerts, pending
from prom_server.core.trend_view import ChangeGroup, ChangeTable, Header, TrendView, ValueColumn, ValueTable, Verdicts

# The scales that a pain programme looks at first, by (instrument or any, scale); the rest follow in battery order.
_FIRST: tuple[tuple[str | None, str], ...] = (
    (None, "pain-interference"),
    (None, "pain-intensity"),
    (None, "physical-function"),
    (None, "fatigue"),
    ("phq-9", "total"),
    ("pcs", "total"),
)
_OVER = frozenset({Status.COMPLETED, Status.PARTIALLY_COMPLETED, Status.EXPIRED})
_POINT_STATUS = {
    ScoreStatus.SCORED: PointStatus.SCORED,
    ScoreStatus.PRORATED: PointStatus.PRORATED,
    ScoreStatus.PATTERN: PointStatus.PATTERN,
    ScoreStatus.NOT_SCORABLE: PointStatus.NOT_SCORABLE,
}
Scores = dict[tuple[str, str, str], RecordedScore]  # by assessment, instrument, scale


def trend(facts: TrendFacts, today: date, *, baseline: str = "baseline") -> TrendView:
    """The whole view. `baseline` is the id of the time point that change counts from, within the same course."""
    assessments = _in_order(facts.assessments)
    scores: Scores = {(each.assessment, each.instrument, each.score.scale): each for each in facts.scores}
    course = _current(facts.courses, assessments)
    every, first = _ordered(_series(facts, assessments))
    charts = tuple(_chart(each, assessments, scores, course, baseline) for each in every)
    rows = tuple(chart.row for chart in charts)
    return TrendView(
        header=_header(facts.patient, facts.courses, course, assessments, today),
        courses=tuple(sorted(facts.courses, key=lambda each: each.number)),
        alerts=open_alerts(facts),
        watched=watched(facts, assessments),
        worse=_verdicts(rows, Direction.WORSE),
        better=_verdicts(rows, Direction.BETTER),
        gaps=gaps(facts, assessments, charts),
        pending=pending(assessments, today),
        charts=charts,
        first_charts=first,
        change=_change_table(rows),
        values=_value_table(charts, assessments),
        items=item_maps(facts, assessments, charts),
        how=how_lines(facts.instruments, assessments),
        sources=sources(facts, assessments, charts),
    )


def _in_order(assessments: Iterable[AssessmentFacts]) -> tuple[AssessmentFacts, ...]:
    """By course, then by day; what was cancelled was never asked."""
    asked = (each for each in assessments if each.status is not Status.CANCELLED)
    return tuple(sorted(asked, key=lambda each: (each.course, each.on, each.window.due_on)))


def _current(courses: Iterable[CourseFacts], assessments: Iterable[AssessmentFacts]) -> CourseFacts | None:
    """The latest course in which something was answered; while there is none, the latest."""
    answered = {each.course for each in assessments if each.answered_on is not None}
    by_number = sorted(courses, key=lambda each: each.number)
    return next((each for each in reversed(by_number) if each.number in answered), by_number[-1] if by_number else None)


def _header(
    patient: PatientFacts,
    courses: Iterable[CourseFacts],
    course: CourseFacts | None,
    assessments: Iterable[AssessmentFacts],
    today: date,
) -> Header:
    infusions = [day for each in courses for day in each.infusions]
    return Header(
        patient=patient,
        age=_years(patient.born_on, today),
        today=today,
        course=course,
        days_since_infusion=(today - max(infusions)).days if infusions else None,
        last_answered_on=max((each.answered_on for each in assessments if each.answered_on), default=None),
    )


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _series(facts: TrendFacts, assessments: tuple[AssessmentFacts, ...]) -> tuple[Series, ...]:
    """One per scale of every instrument asked, the latest battery's order first."""
    ids = dict.fromkeys(
        each
        for assessment in reversed(assessments)
        for each in (*assessment.battery, *(begun.instrument for begun in assessment.administrations))
    )
    found = [(facts.instruments[each], scale) for each in ids for scale in facts.instruments[each].scales]
    names = Counter(scale.name for _, scale in found)
    return tuple(
        Series(owner.id, scale, scale.name if names[scale.name] == 1 else f"{scale.name}, {owner.short}")
        for owner, scale in found
    )


def _ordered(every: tuple[Series, ...]) -> tuple[tuple[Series, ...], int]:
    """All series, the first ones first, and how many those are. Of two of one scale, the earlier in the battery."""
    picked = [
        next((each for each in every if each.scale.id == scale and owner in {None, each.instrument}), None)
        for owner, scale in _FIRST
    ]
    first = tuple(each for each in picked if each is not None)
    rest = tuple(each for each in every if each not in first)
    return first + rest, len(first) or min(len(rest), len(_FIRST))


def _chart(
    series: Series, assessments: Iterable[AssessmentFacts], scores: Scores, course: CourseFacts | None, baseline: str
) -> Chart:
    points = tuple(
        _point(series, each, scores)
        for each in assessments
        if series.instrument in each.battery or each.administration(series.instrument)
    )
    return Chart(series, points, _row(series, points, course, baseline))


def _point(series: Series, assessment: AssessmentFacts, scores: Scores) -> Point:
    recorded = scores.get((assessment.id, series.instrument, series.scale.id))
    score = recorded.score if recorded else None
    if score is not None:
        status = _POINT_STATUS[score.status]
    else:
        status = PointStatus.UNANSWERED if assessment.status in _OVER else PointStatus.DUE
    on = assessment.on if score is not None else assessment.window.due_on
    where = (assessment.id, assessment.course, assessment.time_point, assessment.name, assessment.short)
    return Point(*where, on, status, score, _rescored(recorded, assessment))


def _rescored(recorded: RecordedScore | None, assessment: AssessmentFacts) -> Rescored | None:
    begun = assessment.administration(recorded.instrument) if recorded else None
    if recorded is None or begun is None or recorded.revision in (None, begun.revision):
        return None
    return Rescored(under=recorded.revision, answered_under=begun.revision)


def _row(series: Series, points: tuple[Point, ...], course: CourseFacts | None, baseline: str) -> ChangeRow:
    here = [each for each in points if course and each.course == course.number and each.score is not None]
    base = next((each for each in here if each.time_point == baseline), None)
    last = here[-1] if here else None
    previous = here[-2] if len(here) > 1 else None
    moved = None if last is base else _between(series.scale, base, last)
    step = _between(series.scale, previous, last)
    absence = None if moved else _absence(base, last)
    return ChangeRow(series, base, previous, last, moved, step.difference if step else None, absence)


def _between(scale: Scale, before: Point | None, after: Point | None) -> Change | None:
    return change(scale, before.score if before else None, after.score if after else None)


def _absence(base: Point | None, last: Point | None) -> Absence:
    if last is None:
        return Absence.NOT_ANSWERED
    if base is None:
        return Absence.NO_BASELINE
    if last is base:
        return Absence.ONLY_BASELINE
    return Absence.BASELINE_NOT_SCORABLE if base.value is None else Absence.LAST_NOT_SCORABLE


def _verdicts(rows: Iterable[ChangeRow], direction: Direction) -> Verdicts:
    def those(*, beyond: bool | None) -> tuple[ChangeRow, ...]:
        return tuple(row for row in said if row.change and row.change.beyond_error is beyond)

    said = [row for row in rows if row.change and row.change.verdict is direction]
    return Verdicts(direction, those(beyond=True), those(beyond=None), those(beyond=False))


def _change_table(rows: tuple[ChangeRow, ...]) -> ChangeTable:
    grouped = (
        ChangeGroup(better, tuple(row for row in rows if row.series.scale.better is better)) for better in Better
    )
    return ChangeTable(
        tuple(group for group in grouped if group.rows),
        baseline_on=_usual(row.baseline for row in rows),
        previous_on=_usual(row.previous for row in rows),
        last_on=_usual(row.last for row in rows),
    )


def _usual(points: Iterable[Point | None]) -> date | None:
    """The day of most of them."""
    days = Counter(point.on for point in points if point)
    return days.most_common(1)[0][0] if days else None


def _value_table(charts: tuple[Chart, ...], assessments: Iterable[AssessmentFacts]) -> ValueTable:
    """A column for every assessment with a score, a row for every series."""
    shared = {each.id: each.same_as for each in assessments}
    scored = {each.assessment: each for chart in charts for each in chart.points if each.score is not None}
    columns = sorted(scored.values(), key=lambda each: (each.course, each.on))
    rows = tuple(
        (chart.series, tuple(by_id.get(column.assessment) for column in columns))
        for chart in charts
        for by_id in [{each.assessment: each for each in chart.points}]
    )
    heads = (ValueColumn(each.course, each.short, each.on, shared[each.assessment]) for each in columns)
    return ValueTable(tuple(heads), rows)
