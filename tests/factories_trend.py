"""A rich synthetic trend: two courses of one invented patient, and small instruments to show it with.

The instruments are stand-ins with the shape of the real ones; no score here was computed from answers.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from prom_server.core.instrument import (
    Band,
    Better,
    Instrument,
    Item,
    ItemAlert,
    Level,
    Licence,
    LicenceKind,
    Metric,
    MinimalDetectableChange,
    Option,
    Scale,
    Section,
    Threshold,
)
from prom_server.core.rules import RatingRule, SumRule, TableRule
from prom_server.core.schedule import Status, Window
from prom_server.core.scoring import Reason, Score
from prom_server.core.scoring import Status as ScoreStatus
from prom_server.core.trend import trend
from prom_server.core.trend_facts import (
    AdministrationFacts,
    AlertFacts,
    AlertState,
    AlertValue,
    AssessmentFacts,
    CourseFacts,
    NotAnswered,
    PatientFacts,
    RecordedScore,
    Response,
    TrendFacts,
)
from prom_server.core.trend_view import TrendView

TODAY = date(2026, 11, 24)
BATTERY = ("promis-29", "phq-9", "gad-7", "pcs")
GROUP = Threshold(Decimal(3), "group threshold, HealthMeasures", "HealthMeasures: 3 T for comparing groups")


def D(text: str | int) -> Decimal:  # noqa: N802 - short on purpose
    return Decimal(text)


def bands(*edges: tuple[str, str, str, int]) -> tuple[Band, ...]:
    return tuple(Band(D(low), D(high), label, severity) for low, high, label, severity in edges)


SYMPTOM = bands(
    ("0", "55.0", "within normal limits", 0),
    ("55.1", "60.0", "mild", 1),
    ("60.1", "70.0", "moderate", 2),
    ("70.1", "100", "severe", 3),
)
FUNCTION = bands(
    ("0", "29.9", "severe", 3),
    ("30.0", "39.9", "moderate", 2),
    ("40.0", "44.9", "mild", 1),
    ("45.0", "100", "within normal limits", 0),
)
NUMBERS = "HealthMeasures, PROMIS score cut points"


def t_scale(id_: str, name: str, better: Better, threshold: Threshold | None = GROUP, *, banded: bool = True) -> Scale:
    low = better is Better.LOWER
    axis = (D(40), D(80)) if low else (D(20), D(60))
    ticks = tuple(D(each) for each in ((40, 50, 60, 70, 80) if low else (20, 30, 40, 50, 60)))
    return Scale(
        id_,
        name,
        name,
        Metric.T,
        better,
        tuple(f"{id_}-{n}" for n in range(1, 5)),
        TableRule({}, "synthetic"),
        D(20),
        D(85),
        axis,
        ticks,
        bands=(SYMPTOM if low else FUNCTION) if banded else (),
        bands_source=NUMBERS if banded else None,
        threshold=threshold,
    )


def sum_scale(id_: str, name: str, items: tuple[str, ...], high: int, **more: object) -> Scale:
    ticks = tuple(D(each) for each in (0, 5, 10, 15, 20, 27) if each <= high) if high < 30 else (D(0), D(30), D(52))
    return Scale(
        id_,
        name,
        name,
        Metric.SUM,
        Better.LOWER,
        items,
        SumRule(2, "synthetic"),
        D(0),
        D(high),
        (D(0), D(high)),
        ticks,
        **more,
    )


def item(id_: str, text: str, options: tuple[Option, ...], **more: object) -> Item:
    return Item(id_, text, options, "part", **more)


def instrument(
    id_: str, name: str, short: str, items: tuple[Item, ...], scales: tuple[Scale, ...], **more: object
) -> Instrument:
    facts: dict[str, object] = {
        "licence": Licence(LicenceKind.FREE, "nobody", f"{short}: printed under its own notice.", id_),
        "citation": f"{name}: synthetic citation",
        "publisher_version": "1.0",
    } | more
    return Instrument(
        id=id_,
        revision=1,
        name=name,
        short=short,
        recall="past 7 days",
        seconds=60,
        sections=(Section("part", "A part"),),
        items=items,
        scales=scales,
        sources=(),
        content_hash="5f3a" * 16,
        **facts,
    )


OFTEN = (
    Option(0, "Not at all"),
    Option(1, "Several days"),
    Option(2, "More than half the days"),
    Option(3, "Nearly every day"),
)
PHQ_SHORTS = (
    "Little interest or pleasure",
    "Feeling down, depressed, or hopeless",
    "Trouble with sleep",
    "Feeling tired, little energy",
    "Poor appetite or overeating",
    "Feeling bad about yourself",
    "Trouble concentrating",
    "Moving slowly, or restless",
)
PHQ_BANDS = bands(
    ("0", "4", "minimal or none", 0),
    ("5", "9", "mild", 1),
    ("10", "14", "moderate", 2),
    ("15", "19", "moderately severe", 3),
    ("20", "27", "severe", 4),
)
PHQ_NOTICE = (
    "Developed by Drs. Robert L. Spitzer, Janet B.W. Williams, Kurt Kroenke and colleagues, with an educational grant "
    "from Pfizer Inc. No permission required to reproduce, translate, display or distribute."
)


def phq9() -> Instrument:
    stem = "Over the last 2 weeks, how often have you been bothered by any of the following problems?"
    items = tuple(item(f"phq{n}", words, OFTEN, context=stem, short=words) for n, words in enumerate(PHQ_SHORTS, 1))
    last = item(
        "phq9",
        "Thoughts that you would be better off dead or of hurting yourself in some way",
        OFTEN,
        context=stem,
        short="Self-harm",
    )
    total = sum_scale(
        "total",
        "PHQ-9",
        tuple(f"phq{n}" for n in range(1, 10)),
        27,
        bands=PHQ_BANDS,
        bands_source="Kroenke 2001",
        threshold=Threshold(D(5), "Loewe 2004, to be confirmed", "Loewe 2004, Med Care (to be confirmed)"),
    )
    rule = ItemAlert("item-9", "phq9", 1, "item-9-not-answered", "Thoughts of self-harm", ("phq1", "phq2"))
    licence = Licence(LicenceKind.FREE, "Pfizer Inc.", PHQ_NOTICE, "phq")
    return instrument(
        "phq-9", "Patient Health Questionnaire-9", "PHQ-9", (*items, last), (total,), alerts=(rule,), licence=licence
    )


def gad7() -> Instrument:
    items = tuple(item(f"gad{n}", f"Worry {n}", OFTEN) for n in range(1, 8))
    total = sum_scale(
        "total",
        "GAD-7",
        tuple(each.id for each in items),
        21,
        bands=bands(
            ("0", "4", "minimal", 0), ("5", "9", "mild", 1), ("10", "14", "moderate", 2), ("15", "21", "severe", 4)
        ),
        bands_source="Spitzer 2006",
        threshold=Threshold(D(4), "Toussaint 2020", "Toussaint 2020, J Affect Disord 265:395"),
    )
    licence = Licence(LicenceKind.FREE, "Pfizer Inc.", PHQ_NOTICE, "phq")
    return instrument("gad-7", "Generalized Anxiety Disorder-7", "GAD-7", items, (total,), licence=licence)


def pcs() -> Instrument:
    items = tuple(item(f"pcs{n}", "", OFTEN, placeholder=f"Item {n} of 13: wording is licensed") for n in range(1, 14))
    total = sum_scale(
        "total",
        "Pain catastrophizing",
        tuple(each.id for each in items),
        52,
        bands=bands(("0", "29", "below the cut-off", 0), ("30", "52", "clinically relevant", 2)),
        bands_source="75th percentile of the manual; >= is this project's decision",
        threshold=Threshold(D(8), "Monticone 2022", "Monticone 2022, PMC9980597"),
        error=MinimalDetectableChange(D("7.73"), "Monticone 2022, PMC9980597"),
    )
    parts = tuple(
        sum_scale(id_, id_.title(), (), high)
        for id_, high in (("rumination", 16), ("magnification", 12), ("helplessness", 24))
    )
    return instrument("pcs", "Pain Catastrophizing Scale", "PCS", items, (total, *parts))


def promis29() -> Instrument:
    low, high = Better.LOWER, Better.HIGHER

    def cited(value: str, cite: str) -> Threshold:
        return Threshold(D(value), cite, f"{cite}, synthetic reference")

    scales = (
        t_scale("physical-function", "Physical function", high, cited("2", "Terwee 2021")),
        t_scale("anxiety", "Anxiety", low, cited("3", "J Pain 2013")),
        t_scale("depression", "Depression", low, cited("3.5", "Kroenke 2020")),
        t_scale("fatigue", "Fatigue", low),
        t_scale("sleep-disturbance", "Sleep disturbance", low),
        t_scale("ability-participate", "Ability to participate", high),
        t_scale("pain-interference", "Pain interference", low, cited("3", "Chen 2018")),
        replace(
            sum_scale("pain-intensity", "Pain intensity, 0–10", ("Global07",), 10, threshold=cited("2", "Suzuki 2020")),
            metric=Metric.RATING,
            rule=RatingRule(),
        ),
        t_scale("phs", "Physical summary (PHS)", high, None, banded=False),
        t_scale("mhs", "Mental summary (MHS)", high, None, banded=False),
    )
    return instrument("promis-29", "PROMIS-29 Profile v2.1", "PROMIS-29", (), scales, publisher_version="2.1")


INSTRUMENTS = {each.id: each for each in (promis29(), phq9(), gad7(), pcs())}

# scale: values at baseline, last infusion, 3 months of the first and of the second course; SE
VALUES: dict[tuple[str, str], tuple[tuple[str | None, ...], str | None]] = {
    ("promis-29", "physical-function"): (("34.4", "36.7", "36.7", "35.6", "37.9", "40.5"), "2.3"),
    ("promis-29", "anxiety"): (("63.4", "61.4", "61.4", "63.4", "61.4", "65.3"), "2.6"),
    ("promis-29", "depression"): (("60.5", "58.9", "58.9", "60.5", "58.9", "62.2"), "2.3"),
    ("promis-29", "fatigue"): (("64.6", "62.7", None, "64.6", "60.7", "62.7"), "2.4"),
    ("promis-29", "sleep-disturbance"): (("63.8", "61.7", "59.8", "61.7", "57.9", "56.1"), "3.4"),
    ("promis-29", "ability-participate"): (("35.7", "37.3", "38.8", "37.3", "40.5", "42.3"), "2.2"),
    ("promis-29", "pain-interference"): (("69.7", "65.2", "63.8", "68.0", "62.5", "58.5"), "1.8"),
    ("promis-29", "pain-intensity"): (("8", "6", "6", "8", "6", "5"), None),
    ("promis-29", "phs"): (("32.1", "34.8", None, "33.9", "37.0", "39.8"), None),
    ("promis-29", "mhs"): (("33.0", "36.2", None, "33.9", "38.1", "37.8"), None),
    ("phq-9", "total"): (("14", "11", "12", "12", "9", "17"), None),
    ("gad-7", "total"): (("9", "8", "8", "9", "8", "11"), None),
    ("pcs", "total"): (("34", "26", "24", "32", "22", "19"), None),
    ("pcs", "rumination"): (("13", "10", "9", "12", "8", "7"), None),
    ("pcs", "magnification"): (("7", "5", "5", "7", "5", "4"), None),
    ("pcs", "helplessness"): (("14", "11", "10", "13", "9", "8"), None),
}
PHQ_ANSWERS: tuple[tuple[Response, ...], ...] = (
    (2, 2, 2, 3, 1, 1, 2, 0, 1),
    (2, 1, 2, 2, 1, 1, 1, 0, 1),
    (2, 1, 2, 2, NotAnswered.SKIPPED, 1, 2, 0, 1),
    (2, 2, 2, 2, 1, 1, 1, 0, 1),
    (1, 1, 2, 2, 1, 1, 1, 0, 0),
    (3, 3, 2, 3, 1, 2, 1, 0, 2),
)
POINTS = (
    ("baseline", "Baseline", "baseline"),
    ("last-infusion", "Last infusion", "last inf."),
    ("3m", "3 months", "3 mo"),
)


def score(scale: str, metric: Metric, value: str | None, se: str | None = None, **more: object) -> Score:
    """A score as recorded; `value` None is not scorable."""
    facts: dict[str, object] = {"answered": 4, "items": 4, "reason": None, "status": ScoreStatus.SCORED} | more
    if value is None:
        facts = {"answered": 3, "reason": Reason.ITEMS_MISSING} | more | {"status": ScoreStatus.NOT_SCORABLE}
        facts = {"items": 4} | facts
    number = None if value is None else Decimal(value)
    error = None if se is None or value is None else Decimal(se)
    return Score(scale, metric, raw=None, value=number, se=error, band=None, **facts)


def window(point: str, due: date) -> Window:
    return Window(point, due - timedelta(days=30), due, due + timedelta(days=7), due + timedelta(days=45))


def assessment(
    id_: str, course: int, point: tuple[str, str, str], on: date, status: Status = Status.COMPLETED, **more: object
) -> AssessmentFacts:
    """One assessment; answered on its day when it is completed."""
    facts: dict[str, object] = {
        "answered_on": on if status is Status.COMPLETED else None,
        "battery": BATTERY,
        "administrations": (),
    } | more
    return AssessmentFacts(id_, course, *point, window=window(point[0], on), status=status, **facts)


def administration(
    instrument_id: str, responses: dict[str, Response] | None = None, **more: object
) -> AdministrationFacts:
    facts: dict[str, object] = {"submitted": True, "answered": 9, "items": 9} | more
    return AdministrationFacts(instrument_id, 1, "5f3a" * 16, responses=responses or {}, **facts)


def _administrations(column: int) -> tuple[AdministrationFacts, ...]:
    phq = dict(zip((f"phq{n}" for n in range(1, 10)), PHQ_ANSWERS[column], strict=True))
    return tuple(administration(each, phq if each == "phq-9" else None) for each in BATTERY)


def _scores(assessments: tuple[AssessmentFacts, ...]) -> tuple[RecordedScore, ...]:
    found = []
    for column, each in enumerate(assessments):
        for (owner, scale_id), (values, se) in VALUES.items():
            scale = INSTRUMENTS[owner].scale_by_id[scale_id]
            more: dict[str, object] = {}
            if scale_id in {"phs", "mhs"} and values[column] is None:
                more = {"answered": 28, "items": 29, "reason": Reason.SCALE_MISSING}
            if (owner, column) == ("phq-9", 2):
                more = {"status": ScoreStatus.PRORATED, "answered": 8, "items": 9, "reason": Reason.PRORATED}
            recorded = score(scale_id, scale.metric, values[column], se, **more)
            band = scale.band(recorded.value) if recorded.value is not None else None
            found.append(RecordedScore(each.id, owner, replace(recorded, band=band.label if band else None)))
    return tuple(found)


FIRST_DAYS = (date(2026, 1, 8), date(2026, 1, 16), date(2026, 4, 16))
SECOND_DAYS = (date(2026, 8, 20), date(2026, 8, 28), date(2026, 11, 24))


def courses() -> tuple[CourseFacts, ...]:
    first = tuple(date(2026, 1, day) for day in range(12, 17))
    second = tuple(date(2026, 8, day) for day in range(24, 29))
    return CourseFacts(1, first[0], first, finished=True), CourseFacts(2, second[0], second, finished=True)


def patient() -> PatientFacts:
    return PatientFacts("Rosa Specimen", "DEMO-0417", date(1968, 3, 12))


def open_alert() -> AlertFacts:
    first, second = datetime(2026, 11, 24, 10, 2, tzinfo=UTC), datetime(2026, 11, 24, 10, 3, tzinfo=UTC)
    values = (AlertValue(1, first), AlertValue(2, second))
    return AlertFacts("a1", "item-9", Level.ALERT, "s6", "phq-9", AlertState.OPEN, first, values)


def two_courses() -> TrendFacts:
    """Two courses: an expired follow-up, a scale not scorable, a prorated total, an open alert, one follow-up due."""
    days = [(1, day) for day in FIRST_DAYS] + [(2, day) for day in SECOND_DAYS]
    answered = tuple(
        assessment(f"s{column + 1}", course, POINTS[column % 3], day, administrations=_administrations(column))
        for column, (course, day) in enumerate(days)
    )
    six = ("6m", "6 months", "6 mo")
    rest = (
        assessment("e1", 1, six, date(2026, 7, 15), Status.EXPIRED),
        assessment("d1", 2, six, date(2027, 2, 24), Status.SCHEDULED),
    )
    return TrendFacts(patient(), courses(), (*answered, *rest), _scores(answered), (open_alert(),), INSTRUMENTS)


def only_baseline() -> TrendFacts:
    """One course, one set of answers, no infusion yet."""
    facts = two_courses()
    first = replace(facts.assessments[0], id="s1")
    planned = CourseFacts(1, date(2026, 1, 12), (), finished=False)
    scores = tuple(each for each in facts.scores if each.assessment == "s1")
    return replace(facts, courses=(planned,), assessments=(first,), scores=scores, alerts=())


def nothing_yet() -> TrendFacts:
    """A course just begun: its baseline is open and nothing was ever answered."""
    facts = two_courses()
    planned = CourseFacts(1, date(2026, 12, 1), (), finished=False)
    waiting = assessment("b1", 1, POINTS[0], date(2026, 12, 1), Status.OPEN)
    return replace(facts, courses=(planned,), assessments=(waiting,), scores=(), alerts=())


def three_courses() -> TrendFacts:
    """The two courses and a third like the second, with every follow-up answered."""
    facts = two_courses()
    days = [day + timedelta(days=300) for day in SECOND_DAYS]
    again = [each for each in facts.assessments if each.id in {"s4", "s5", "s6"}]
    third = tuple(
        replace(each, id=f"t{each.id}", course=3, answered_on=day, window=window(each.time_point, day))
        for each, day in zip(again, days, strict=True)
    )
    scores = tuple(
        replace(each, assessment=f"t{each.assessment}")
        for each in facts.scores
        if each.assessment in {"s4", "s5", "s6"}
    )
    course = CourseFacts(3, date(2027, 6, 20), tuple(date(2027, 6, day) for day in range(20, 25)), finished=True)
    return replace(
        facts,
        courses=(*facts.courses, course),
        assessments=(*facts.assessments, *third),
        scores=(*facts.scores, *scores),
    )


def many(count: int = 14) -> TrendFacts:
    """One course with many assessments, two weeks apart."""
    facts = two_courses()
    first = facts.assessments[0]
    days = [FIRST_DAYS[0] + timedelta(days=14 * n) for n in range(count)]
    points = (POINTS[0], *((f"w{n}", f"Week {2 * n}", f"wk {2 * n}") for n in range(1, count)))
    every = tuple(
        replace(first, id=f"m{n}", time_point=points[n][0], name=points[n][1], short=points[n][2], answered_on=day)
        for n, day in enumerate(days)
    )
    scores = []
    for n, each in enumerate(every):
        for (owner, scale_id), (values, se) in VALUES.items():
            scale = INSTRUMENTS[owner].scale_by_id[scale_id]
            scores.append(RecordedScore(each.id, owner, score(scale_id, scale.metric, values[n % 2], se)))
    return replace(facts, courses=facts.courses[:1], assessments=every, scores=tuple(scores), alerts=())


def view(facts: TrendFacts | None = None, today: date = TODAY) -> TrendView:
    return trend(facts or two_courses(), today)
