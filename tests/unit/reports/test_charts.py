"""The geometry of a chart: what is drawn, and that words do not stand on each other."""

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from prom_server.core.trend_points import Chart
from prom_server.core.trend_view import TrendView
from prom_server.reports.axis import panels, value_axis
from prom_server.reports.canvas import ChartWords
from prom_server.reports.charts import draw
from prom_server.reports.look import LOOKS, NARROW, PAPER, WIDE, Look
from prom_server.reports.marks import Circle, Drawing, Line, Shape, Text
from prom_server.reports.placing import rows, spread, wrapped
from tests import factories_trend as synthetic

WORDS = ChartWords(
    course="Course {number}, {days}",
    course_short="Course {number}, {month}",
    course_bare="Course {number}",
    lower="lower is better",
    higher="higher is better",
    unanswered="not|answered",
    not_scorable="not|scorable",
    due="due|{day}",
    prorated="p",
    pattern="r",
    empty="No scores yet",
)
VIEWS = {
    "two courses": synthetic.view(),
    "one point": synthetic.view(synthetic.only_baseline()),
    "none": synthetic.view(synthetic.nothing_yet()),
    "three courses": synthetic.view(synthetic.three_courses(), date(2027, 10, 1)),
    "many": synthetic.view(synthetic.many()),
    "very many": synthetic.view(synthetic.many(40)),
}


def chart(view: TrendView, key: str) -> Chart:
    return next(each for each in view.charts if each.series.key == key)


def drawn(key: str = "promis-29-pain-interference", view: TrendView | None = None, look: Look = WIDE) -> Drawing:
    view = view or VIEWS["two courses"]
    return draw(view, chart(view, key), look, WORDS)


def texts(drawing: Drawing, *roles: str) -> list[Text]:
    return [each for each in drawing.marks if isinstance(each, Text) and each.role in roles]


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_words_never_overlap_and_stay_inside(view: TrendView, look: Look) -> None:
    for each in view.charts:
        drawing = draw(view, each, look, WORDS)
        words = texts(drawing, "value", "gap", "label", "band", "course", "tick", "empty")
        for one, other in combinations(words, 2):
            assert one.box.overlap(other.box) < 1, (each.series.key, one.words, other.words)
        for one in words:
            assert one.box.left >= -1, one.words
            assert one.box.right <= look.width + 1, one.words
            assert one.box.bottom <= drawing.height, one.words


def test_every_value_is_written_for_two_courses() -> None:
    for look in LOOKS.values():
        values = {each.words for each in texts(drawn(look=look), "value")}
        assert values == {"69.7", "65.2", "63.8", "68.0", "62.5", "58.5"}


def test_the_latest_value_is_written_however_many_there_are() -> None:
    view = VIEWS["very many"]
    for look in LOOKS.values():
        last = chart(view, "promis-29-pain-interference").points[-1]
        written = texts(drawn(view=view, look=look), "value")
        assert any(each.words == f"{last.value}" for each in written)


def test_days_are_to_scale_but_the_infusion_week_is_wider() -> None:
    view = VIEWS["two courses"]
    both = panels(view.courses, [point for each in view.charts for point in each.points], WIDE)
    first = both[1]
    assert first.x(date(2026, 5, 16)) - first.x(date(2026, 4, 16)) == pytest.approx(30 * first.per_day)
    assert first.x(date(2026, 1, 16)) - first.x(date(2026, 1, 12)) > 4 * first.per_day * 3
    assert both[2].left - first.right == pytest.approx(WIDE.pause)
    assert both[2].right == pytest.approx(WIDE.width - WIDE.right - WIDE.inset)


def test_points_run_from_left_to_right() -> None:
    view = VIEWS["two courses"]
    every = chart(view, "promis-29-pain-interference").points
    placed = panels(view.courses, every, NARROW)
    xs = [placed[point.course].x(point.on) for point in every]
    assert all(a < b for a, b in pairwise(xs))


def test_a_follow_up_answered_in_the_next_course_stays_in_its_own_panel() -> None:
    facts = synthetic.two_courses()
    late = tuple(
        replace(each, answered_on=date(2026, 9, 10)) if each.id == "s3" else each for each in facts.assessments
    )
    view = synthetic.view(replace(facts, assessments=late))
    placed = panels(view.courses, [point for each in view.charts for point in each.points], WIDE)
    assert placed[1].x(date(2026, 9, 10)) <= placed[1].right < placed[2].left


def test_the_line_breaks_at_gaps_and_between_courses() -> None:
    def joined(key: str) -> int:
        return sum(isinstance(each, Line) and each.width == 2 for each in drawn(key).marks)

    assert joined("promis-29-pain-interference") == 4
    assert joined("promis-29-fatigue") == 3  # not scorable at 3 months


def test_two_answered_courses_are_not_joined() -> None:
    facts = synthetic.two_courses()
    view = synthetic.view(replace(facts, assessments=tuple(each for each in facts.assessments if each.id != "e1")))
    assert sum(isinstance(each, Line) and each.width == 2 for each in drawn(view=view).marks) == 4


def test_a_figure_that_would_stand_on_another_is_left_out() -> None:
    view = VIEWS["two courses"]
    each = chart(view, "promis-29-pain-interference")
    crowded = replace(each.series.scale, ticks=tuple(Decimal(tick) for tick in (40, 50, 52, 54, 60)))
    drawing = draw(view, replace(each, series=replace(each.series, scale=crowded)), PAPER, WORDS)
    assert [text.words for text in texts(drawing, "tick")] == ["40", "50", "60"]


def test_signs_for_each_state() -> None:
    marks = drawn("promis-29-fatigue").marks
    filled = [each for each in marks if isinstance(each, Circle) and each.fill == WIDE.ink]
    rings = [each for each in marks if isinstance(each, Circle) and each.fill == WIDE.ground]
    crosses = [each for each in marks if isinstance(each, Line) and each.width == 1.8]
    assert (len(filled), len(rings), len(crosses)) == (5, 2, 2)
    diamonds = [each for each in drawn("phq-9-total").marks if isinstance(each, Shape) and each.stroke]
    assert len(diamonds) == 1
    assert "12 p" in {each.words for each in texts(drawn("phq-9-total"), "value")}


def test_gaps_are_said_in_words() -> None:
    said = [each.words for each in texts(drawn("promis-29-fatigue"), "gap")]
    assert sorted(said) == ["24 Feb", "answered", "due", "not", "not", "scorable"]


def test_infusions_are_marked() -> None:
    ticks = [each for each in drawn("phq-9-total").marks if isinstance(each, Shape) and each.stroke is None]
    assert len(ticks) == 10


def test_whisker_is_one_standard_error() -> None:
    drawing = drawn()
    axis = value_axis(chart(VIEWS["two courses"], "promis-29-pain-interference").series.scale, (), 0, WIDE.plot_height)
    upright = [each for each in drawing.marks if isinstance(each, Line) and each.width == 1.2 and each.x1 == each.x2]
    assert len(upright) == 6
    expected = 2 * 1.8 / (axis.high - axis.low) * WIDE.plot_height
    assert upright[0].y2 - upright[0].y1 == pytest.approx(expected)


def test_baseline_dashes_and_threshold_dots_belong_to_the_current_course() -> None:
    lines = [each for each in drawn().marks if isinstance(each, Line) and each.dash in {"7 5", "1.5 4"}]
    assert [each.dash for each in lines] == ["7 5", "1.5 4"]
    baseline, threshold = lines
    assert threshold.y1 > baseline.y1  # lower is better: the threshold lies below
    higher = [
        each for each in drawn("promis-29-physical-function").marks if isinstance(each, Line) and each.dash == "1.5 4"
    ]
    base = [
        each for each in drawn("promis-29-physical-function").marks if isinstance(each, Line) and each.dash == "7 5"
    ]
    assert higher[0].y1 < base[0].y1


def test_without_a_threshold_only_the_baseline() -> None:
    dashes = {each.dash for each in drawn("promis-29-phs").marks if isinstance(each, Line)}
    assert "7 5" in dashes
    assert "1.5 4" not in dashes


def test_bands_are_named() -> None:
    names = " ".join(each.words for each in texts(drawn("phq-9-total"), "band"))
    assert names == "severe moderately severe moderate mild minimal or none"


def test_an_axis_never_cuts_a_value_off_and_never_makes_noise_look_like_change() -> None:
    scale = replace(synthetic.INSTRUMENTS["promis-29"].scale_by_id["anxiety"], axis=(Decimal(32), Decimal(82)))
    view = VIEWS["two courses"]
    usual = chart(view, "promis-29-anxiety").points
    assert (value_axis(scale, usual, 0, 1).low, value_axis(scale, usual, 0, 1).high) == (40, 80)
    assert usual[0].score is not None
    high = replace(usual[0], score=replace(usual[0].score, value=Decimal("81.6"), se=Decimal("3.0")))
    axis = value_axis(scale, (high,), 0, 1)
    assert axis.low == 32
    assert axis.high == pytest.approx(84.6)


@pytest.mark.parametrize(
    ("key", "axis", "shown"),
    [
        ("promis-29-pain-interference", ("20", "90"), (40, 80)),  # symptoms: bands from 55 to 70
        ("promis-29-physical-function", ("10", "80"), (20, 60)),  # function: bands from 30 to 45
    ],
)
def test_a_longer_axis_shows_the_same_40_t_around_the_bands(
    key: str, axis: tuple[str, str], shown: tuple[int, int]
) -> None:
    scale = replace(chart(VIEWS["two courses"], key).series.scale, axis=(Decimal(axis[0]), Decimal(axis[1])))
    points = chart(VIEWS["two courses"], key).points
    found = value_axis(scale, points, 0, 100)
    assert (found.low, found.high) == shown
    score = points[0].score
    assert score is not None
    outlier = replace(points[0], score=replace(score, value=Decimal("82.5")))
    whole = value_axis(scale, [outlier], 0, 100)
    assert (whole.low, whole.high) == (int(axis[0]), max(int(axis[1]), float(Decimal("82.5") + (score.se or 0))))


def test_without_bands_a_longer_axis_shows_its_middle() -> None:
    scale = replace(
        chart(VIEWS["two courses"], "promis-29-fatigue").series.scale, bands=(), axis=(Decimal(10), Decimal(80))
    )
    found = value_axis(scale, (), 0, 100)
    assert (found.low, found.high) == (20, 60)


def test_no_points_say_so() -> None:
    drawing = drawn(view=VIEWS["none"])
    assert [each.words for each in texts(drawing, "empty")] == ["No scores yet"]
    assert texts(drawing, "value") == []


def test_no_courses_at_all_still_draw() -> None:
    facts = synthetic.nothing_yet()
    view = synthetic.view(replace(facts, courses=()))
    assert texts(drawn(view=view), "empty")


def test_only_the_last_three_courses_are_drawn() -> None:
    facts = synthetic.three_courses()
    fourth = replace(facts.courses[2], number=4)
    more = tuple(replace(each, id=f"x{each.id}", course=4) for each in facts.assessments if each.course == 3)
    view = synthetic.view(replace(facts, courses=(*facts.courses, fourth), assessments=(*facts.assessments, *more)))
    headings = [each.words for each in texts(drawn(view=view), "course")]
    assert [each.split(",")[0] for each in headings] == ["Course 2", "Course 3", "Course 4"]


def test_svg_is_well_formed_and_has_presentation_attributes_only() -> None:
    for name, look in LOOKS.items():
        svg = str(drawn("phq-9-total", look=look).svg(look.css_class))
        root = ElementTree.fromstring(svg)  # noqa: S314 - our own
        assert root.attrib["role"] == "img"
        assert root[0].tag == "title"
        assert root[1].tag == "desc"
        assert " style=" not in svg
        assert "<style" not in svg
        colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg))
        if name == "paper":
            assert all(each == "none" or re.fullmatch("#[0-9a-f]{6}", each) for each in colours)
        else:
            assert all(each.startswith("var(--") for each in colours)


def test_title_and_description_say_every_point() -> None:
    drawing = drawn("promis-29-fatigue")
    assert drawing.title == "Fatigue, lower is better"
    assert "8 Jan 2026, Baseline: 64.6" in drawing.description
    assert "16 Apr 2026, 3 months: not scorable" in drawing.description
    assert "24 Feb 2027, 6 months: due 24 Feb" in drawing.description
    assert drawing.description in drawn("promis-29-fatigue", look=PAPER).title


def test_words_are_escaped() -> None:
    view = VIEWS["two courses"]
    each = chart(view, "promis-29-fatigue")
    named = replace(each, series=replace(each.series, name="<b>&"))
    svg = draw(view, named, WIDE, WORDS).svg("chart")
    assert "<b>" not in svg
    assert "&lt;b&gt;&amp;" in svg


def test_spread_moves_blocks_apart_within_the_edges() -> None:
    assert spread([(10, 10), (12, 10), (95, 10)], 0, 100) == (5, 15, 90)
    assert spread([(99, 10), (99, 10)], 0, 100) == (80, 90)


def test_rows_take_the_first_free_row() -> None:
    assert rows([(10, 10), (30, 10)], 1) == (0, 0)
    assert rows([(10, 10), (12, 10), (14, 10)], 2) == (0, 1, None)


def test_wrapped_keeps_words_whole() -> None:
    assert wrapped("within normal limits", 10, 70) == ("within normal", "limits")
    assert wrapped("unbreakable", 10, 5) == ("unbreakable",)


def test_labels_of_close_days_do_not_hide_the_marks() -> None:
    facts = synthetic.many(30)
    close = tuple(
        replace(each, answered_on=date(2026, 2, 1) + timedelta(days=n)) for n, each in enumerate(facts.assessments)
    )
    view = synthetic.view(replace(facts, assessments=close))
    marks = drawn(view=view).marks
    assert sum(isinstance(each, Circle) for each in marks) == 30
