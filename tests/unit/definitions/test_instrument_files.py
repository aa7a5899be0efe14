"""Each rule of the linter, by breaking a right file in one place."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from prom_server import resources
from prom_server.core.refusals import DefinitionError
from prom_server.definitions.library import Library, load_instrument

SHIPPED = resources.directory("instruments")
PHQ9, GAD7, PCS, FATIGUE, PROMIS29, FUNCTION = (
    SHIPPED / name
    for name in (
        "phq/phq-9.v1.yaml",
        "gad/gad-7.v1.yaml",
        "pcs/pcs.v1.yaml",
        "promis/promis-fatigue-4a.v1.yaml",
        "promis/promis-29.v1.yaml",
        "promis/promis-physical-function-4a.v1.yaml",
    )
)
BREAKS = [
    (PHQ9, "revision: 1", 'revision: "1"', "revision: is not a whole number"),
    (PHQ9, "revision: 1", "revision: 2", "it holds phq-9.v2.yaml"),
    (PHQ9, "seconds: 80", "second: 80", "second: is not a key that is known here"),
    (PHQ9, "seconds: 80\n", "", "seconds: is missing"),
    (PHQ9, "    better: lower\n", "", "better: is missing"),
    (PHQ9, "better: lower", "better: higher", "not in the order of severity"),
    (PHQ9, "better: lower", "better: down", "better: is none of lower, higher"),
    (PHQ9, "citation: >-", 'citation: "  "\nx: >-', "citation: is empty"),
    (PHQ9, "publisher_version: PHQ-9", "publisher_version: 2001", "is not text: put it in quotes"),
    (PHQ9, 'value: 3, label: "Nearly', 'value: 2, label: "Nearly', "neither rise nor fall"),
    (PHQ9, 'value: 1, label: "Several', 'value: 4, label: "Several', "neither rise nor fall"),
    (PHQ9, "Several days", "Not at all", "two of its options read the same"),
    (PHQ9, "options: frequency", "options: often", "none of the lists in this file"),
    (PHQ9, "text: Poor appetite or overeating", "text: Feeling tired or having little energy", "asks the same as phq4"),
    (PHQ9, "text: Poor appetite or overeating", "text: null", "has no text"),
    (PHQ9, "id: phq2\n", "id: phq1\n", "phq1 is there twice"),
    (PHQ9, "items: [phq1, phq2,", "items: [phq1, phq1, phq2,", "an item counts twice"),
    (PHQ9, "items: [phq1, phq2,", "items: [difficulty, phq1, phq2,", "difficulty: not a scored item"),
    (PHQ9, "items: [phq1, phq2,", "items: [phq10, phq1, phq2,", "phq10: not an item of this file"),
    (PHQ9, "items: [phq1, phq2,", "items: [phq2,", "phq1: scored, but in no scale"),
    (PHQ9, "max_missing: 2", "max_missing: 9", "without any answer"),
    (PHQ9, "max_missing: 2", "max_missing: 0", "total.status is not_scorable, not prorated"),
    (PHQ9, "from: 5, to: 9", "from: 6, to: 9", "gap or an overlap"),
    (PHQ9, "from: 5, to: 9", "from: 4, to: 9", "gap or an overlap"),
    (PHQ9, "from: 20, to: 27", "from: 20, to: 26", "the ends of the axis"),
    (PHQ9, "label: mild", "label: moderate", "two have the same label"),
    (PHQ9, "axis: [0, 27]", "axis: [0, 26]", "does not hold every value"),
    (PHQ9, "ticks: [0, 5,", "ticks: [5, 0,", "its ticks do not rise"),
    (PHQ9, "metric: sum", "metric: T", "is not what its rule computes"),
    (PHQ9, "      value: 5\n", "      value: 0\n", "a size of change"),
    (PHQ9, "source: Kroenke 2001", "note: Kroenke 2001", "bands.source: is missing"),
    (PHQ9, "    item: phq9", "    item: phq10", "phq10: not an item"),
    (PHQ9, "at_least: 1", "at_least: 7", "7 is no option of phq9"),
    (PHQ9, "core: [phq1, phq2]", "core: [phq1, phq12]", "phq12: not a scored item"),
    (PHQ9, "least: 5, most: 9", "least: 5, most: 12", "5 to 12 items of 9"),
    (PHQ9, "positive_from: 2", "positive_from: 1", "screens"),
    (PHQ9, "alerts: [item-9]\n", "alerts: []\n", "raises item-9, not none"),
    (PHQ9, "value: 27, band: severe", "value: 26, band: severe", "total.value is 27, not 26"),
    (PHQ9, "value: 27, band: severe", "value: 27, band: mild", "total.band is severe, not mild"),
    (PHQ9, "value: 27, band: severe", "value: 27, bands: severe", "is not a key that is known here"),
    (PHQ9, "answers: [0, 0, ", "answers: [0, ", "has 8 answers for 9 scored items"),
    (PHQ9, "answers: [0, 0, ", "answers: [4, 0, ", "none of its options"),
    (PHQ9, "kind: free", "kind: gratis", "licence.kind: is none of"),
    (FATIGUE, "        12: [57.0, 2.3]\n", "", "do not cover exactly 4 to 20: see 12"),
    (
        FATIGUE,
        "        12: [57.0, 2.3]\n",
        "        12: [57.0, 2.3]\n        21: [80.0, 2.3]\n",
        "exactly 4 to 20: see 21",
    ),
    (FATIGUE, "12: [57.0, 2.3]", "12: [55.1, 2.3]", "T does not rise from raw 11"),
    (FATIGUE, "12: [57.0, 2.3]", "12: [57.0, 57.0]", "the standard error at raw 12"),
    (FATIGUE, "12: [57.0, 2.3]", "12: [57.0, 0.2]", "the standard error at raw 12"),
    (FATIGUE, "12: [57.0, 2.3]", "12: [57.05, 2.3]", "not in tenths"),
    (FATIGUE, "12: [57.0, 2.3]", "12: 57.0", "is not [T, SE]"),
    (FATIGUE, "12: [57.0, 2.3]", "x: [57.0, 2.3]", "is not a raw sum"),
    (FATIGUE, "to: 55.0", "to: 54.9", "gap or an overlap"),
    (FATIGUE, "kind: table", "kind: tables", "is none of sum, table, rating, composite"),
    (FUNCTION, "better: higher", "better: lower", "not in the order of severity"),
    (PCS, "kind: supplement", "kind: free", "has no text"),
    (PROMIS29, "scale: pain-intensity, mean", "scale: mhs, mean", "mhs: not a scale above this one"),
    (PROMIS29, "weight: 0.872", "weight: 0.782", "phs.value is"),
    (PROMIS29, "items: [Global07]", "items: [PFA11, Global07]", "a rating is of one item"),
]


def broken(tmp_path: Path, path: Path, before: str, after: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert before in text, "the file has changed: mend this test"
    target = tmp_path / path.name
    target.write_text(text.replace(before, after, 1), encoding="utf-8")
    return target


@pytest.mark.parametrize(("path", "before", "after", "message"), BREAKS)
def test_one_slip_is_found_with_file_and_line(
    tmp_path: Path, path: Path, before: str, after: str, message: str
) -> None:
    file = broken(tmp_path, path, before, after)
    with pytest.raises(DefinitionError) as refusal:
        load_instrument(file)
    assert message in str(refusal.value)
    assert all(re.match(rf"{re.escape(str(file))}:\d+: ", line) for line in str(refusal.value).splitlines())


def test_the_line_is_the_right_one(tmp_path: Path) -> None:
    file = broken(tmp_path, PHQ9, "value: 27, band: severe", "value: 26, band: severe")
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "name: all three" in text)
    with pytest.raises(DefinitionError, match=rf":{line}: check\.1: all three"):
        load_instrument(file)


@pytest.mark.parametrize(
    "keep", [lambda text: text.split("  - name: sum 5")[0], lambda text: text.split("  - name: one")[0]]
)
def test_three_examples_and_one_with_a_missing_answer(tmp_path: Path, keep: Callable[[str], str]) -> None:
    file = tmp_path / GAD7.name
    file.write_text(keep(GAD7.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(DefinitionError, match="needs a worked example with a missing answer"):
        load_instrument(file)


def test_a_scale_in_no_example_is_found(tmp_path: Path) -> None:
    file = tmp_path / PCS.name
    text = PCS.read_text(encoding="utf-8")
    head, examples = text.split("check:\n")
    kept = [line for line in examples.splitlines() if "rumination:" not in line]
    file.write_text(head + "check:\n" + "\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match="rumination: in no worked example"):
        load_instrument(file)


@pytest.mark.parametrize("instrument", Library.shipped().instruments(), ids=lambda instrument: instrument.id)
def test_every_axis_of_one_metric_spans_the_same(instrument: object) -> None:
    scales = getattr(instrument, "scales", ())
    spans = {scale.axis[1] - scale.axis[0] for scale in scales if scale.metric == "T"}
    assert spans <= {Decimal(50)}
