"""Every rule of the linter: a right file, broken in one place, is refused with the rule's words and the right line."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from prom_server import resources
from prom_server.core.instrument import Instrument
from prom_server.core.refusals import DefinitionError
from prom_server.definitions.library import Library
from prom_server.definitions.loading import load_instrument
from tests.unit.definitions.slips import Slip

LIBRARY = Library([resources.directory("instruments")])
FILES = {path.name.split(".")[0]: path for path in LIBRARY.files()}


PHQ9, GAD7, PCS, PHQ2, PEG = "phq-9", "gad-7", "pcs", "phq-2", "peg"
FATIGUE, SLEEP, FUNCTION = "promis-fatigue-4a", "promis-sleep-disturbance-4a", "promis-physical-function-4a"
PROMIS29, GLOBAL, PATTERN = "promis-29", "promis-global-health", "promis-depression-8a"
CAT, SUPPLIED = "promis-depression-cat", "promis-self-efficacy-symptoms-4a"

RULE_OF_PHS = "rule:\n      kind: composite"
SECOND_SCALE = """scales:
  - {id: x, name: X, short: X, metric: sum, better: lower, items: [EDDEP04],
     rule: {kind: sum, max_missing: 0, source: s}, axis: [1, 5], ticks: [1]}
"""
ALERT = "alerts:\n  - {rule: a, item: EDDEP39, at_least: 2, unanswered_rule: b, topic: t, beside: []}\n"
SCREENING = "screening: {positive_from: 2, core: [EDDEP04], rules: [{id: a, least: 1, most: 2}], source: s}\n"

KEYS = [
    Slip(PHQ9, "seconds: 80", "second: 80", "second: is not a key that is known here"),
    Slip(PHQ9, "value: 27, band: severe", "value: 27, bands: severe", "bands: is not a key that is known here"),
    Slip(PHQ9, "      max_missing: 2\n", "      max_mising: 2\n", "max_mising: is not a key that is known here"),
    Slip(PHQ9, "short: PHQ-9\n", "name: PHQ-9\n", "'name' is written twice"),
    Slip(PHQ9, "seconds: 80\n", "", "seconds: is missing", at="instrument: phq-9"),
    Slip(PHQ9, "revision: 1", 'revision: "1"', "revision: is not a whole number"),
    Slip(PHQ9, "revision: 1", "revision: 0", "revision: is below 1"),
    Slip(PHQ9, "seconds: 80", "seconds: 1.5", "seconds: is not a whole number"),
    Slip(PHQ9, "publisher_version: PHQ-9", "publisher_version: 2001", "is not text: put it in quotes"),
    Slip(PHQ9, "short: PHQ-9\n", "short: No\n", "YAML may read No as true or false"),
    Slip(PHQ9, '"Several days"', "Off", "YAML may read Off as true or false"),
    Slip(PHQ9, "kind: free", "kind: gratis", "licence.kind: is none of"),
    Slip(PHQ9, "kind: sum", "kind: sums", "is none of sum, mean, table, rating, composite, adaptive"),
    Slip(PHQ9, "id: phq2\n", "id: phq 2\n", "is not letters, digits and _"),
    Slip(PHQ9, "id: total", "id: Total", "is not lower case words joined by hyphens"),
]
IDS = [
    Slip(PHQ9, "id: phq2\n", "id: phq1\n", "phq1 is there twice"),
    Slip(
        PROMIS29, "- id: anxiety\n    title", "- id: physical-function\n    title", "physical-function is there twice"
    ),
    Slip(PCS, "- id: magnification", "- id: rumination", "rumination is there twice"),
    Slip(PHQ9, "{id: other, least", "{id: major, least", "major is there twice"),
    Slip(
        PHQ9, "unanswered_rule: item-9-not-answered", "unanswered_rule: item-9", "item-9 is there twice", at="- rule:"
    ),
    Slip(
        PHQ9,
        "    beside: [phq1, phq2]\n",
        "    beside: [phq1, phq2]\n  - {rule: a, item: phq9, at_least: 1, unanswered_rule: b, topic: c, beside: []}\n",
        "phq9 has an alert already",
        at="- {rule: a",
    ),
    Slip(PHQ9, "items: [phq1, phq2,", "items: [phq10, phq1, phq2,", "phq10: not an item of this file"),
    Slip(PHQ9, "items: [phq1, phq2,", "items: [phq1, phq1, phq2,", "an item counts twice"),
    Slip(PHQ9, "items: [phq1, phq2,", "items: [difficulty, phq1, phq2,", "difficulty: not a scored item"),
    Slip(PHQ9, "items: [phq1, phq2,", "items: [phq2,", "phq1: scored, but in no scale", at="scales:"),
    Slip(PHQ9, "    item: phq9", "    item: phq10", "phq10: not an item of this file", at="- rule:"),
    Slip(PHQ9, "core: [phq1, phq2]", "core: [phq1, phq12]", "phq12: not a scored item", at="screening:"),
    Slip(PROMIS29, "scale: pain-intensity, mean", "scale: mhs, mean", "mhs: not a scale above", RULE_OF_PHS),
    Slip(
        PHQ9, "total: {status: scored, raw: 0", "totl: {status: scored, raw: 0", "no scale totl", at="- name: all zero"
    ),
]
OPTIONS = [
    Slip(PHQ9, 'value: 3, label: "Nearly', 'value: 2, label: "Nearly', "neither rise nor fall: 2 after 2"),
    Slip(PHQ9, 'value: 1, label: "Several', 'value: 4, label: "Several', "nor fall: 2 after 4", at="More than half"),
    Slip(PHQ9, "Several days", "not at all", "two options read the same"),
    Slip(PHQ9, "options: frequency", "options: often", "its options 'often' are none of the lists", at="- id: phq1"),
    Slip(
        PHQ9, "        options: difficulty\n", "", "options.difficulty: no item has these options", at="  difficulty:"
    ),
    Slip(
        SLEEP,
        '{value: 5, label: "Not at all"}\n    - {value: 4, label: "A little bit"}',
        '{value: 5, label: "A little bit"}\n    - {value: 4, label: "Not at all"}',
        "neither the values of much-reversed, which has the same labels, nor mirrored",
        at="  much:",
    ),
    Slip(PHQ9, "text: Poor appetite or overeating", "text: null", "has no text", at="- id: phq5"),
    Slip(PCS, "kind: supplement", "kind: free", "has no text", at="- id: pcs1"),
    Slip(SUPPLIED, "kind: permission", "kind: free", "has no text", at="- id: SEMSX009"),
    Slip(
        PCS,
        '        placeholder: "Item 2 of 13 (helplessness): wording is licensed"\n',
        "",
        "has no text: only a licensed wording may be left out, and then a placeholder stands in",
        at="- id: pcs2",
    ),
    Slip(
        PHQ9,
        "text: Poor appetite or overeating",
        "text: Feeling tired or having little energy",
        "same as phq4",
        "id: phq5",
    ),
    Slip(GLOBAL, "7: 2, 8: 2, 9: 2, 10: 1}", "7: 2, 8: 2, 9: 2}", "recode: is not complete: see 10"),
    Slip(GLOBAL, "recode: {0: 5,", "recode: {11: 5, 0: 5,", "recode: is not complete: see 11"),
    Slip(GLOBAL, "1: 4, 2: 4, 3: 4,", "1: 3, 2: 3, 3: 3,", "1, 2, 3, 5: these points leave a gap"),
    Slip(GLOBAL, "recode: {0: 5,", "recode: {no: 5,", "YAML may read no"),
    Slip(GLOBAL, "recode: {0: 5,", "recode: {none: 5,", "is no option's value"),
]
SCALES = [
    Slip(PHQ9, "    better: lower\n", "", "better: is missing (lower, higher)", at="- id: total"),
    Slip(PHQ9, "better: lower", "better: down", "better: is none of lower, higher"),
    Slip(PHQ9, "better: lower", "better: higher", "not in the order of severity", at="label: mild"),
    Slip(FUNCTION, "better: higher", "better: lower", "not in the order of severity", at="label: moderate"),
    Slip(PHQ9, "metric: sum", "metric: T", "metric: T is not what its rule computes"),
    Slip(PEG, "metric: mean", "metric: sum", "metric: sum is not what its rule computes"),
    Slip(PHQ9, "max_missing: 2", "max_missing: 9", "would score a scale without any answer"),
    Slip(PHQ9, "max_missing: 2", "max_missing: -1", "max_missing: is below 0"),
    Slip(PHQ9, "axis: [0, 27]", "axis: [0, 26]", "0 to 26 does not hold every value: 0 to 27"),
    Slip(PEG, "    rule:\n", "    rule: 5\n    rules:\n", "rule: is not a mapping of keys to values"),
    Slip(PCS, "    items: [pcs8, pcs9, pcs10, pcs11]\n", "", "items: is missing", at="  - id: rumination"),
    Slip(
        PROMIS29,
        RULE_OF_PHS,
        f"items: [PFA11]\n    {RULE_OF_PHS}",
        "a composite has no items of its own",
    ),
    Slip(
        PROMIS29,
        "- weight: -0.015\n          mean_of: [{scale: physical-function,",
        "- weight: -0.015\n          mean_of: [{scale: phs,",
        "scales.9.rule.terms.0: a composite of a composite",
        at="- weight: -0.015",
    ),
    Slip(PHQ9, "axis: [0, 27]", "axis: [0]", "axis: is not [lowest, highest]"),
    Slip(PHQ9, "axis: [0, 27]", "axis: 27", "axis: is not [lowest, highest]"),
    Slip(PHQ9, "ticks: [0, 5,", "ticks: [5, 0,", "its ticks do not rise", at="axis: [0, 27]"),
    Slip(PHQ9, "      value: 5\n", "      value: 0\n", "threshold.value: is a size of change"),
    Slip(PCS, "value: 7.73", "value: 0.0", "error.value: is a size of change"),
    Slip(PROMIS29, "items: [Global07]", "items: [PFA11, Global07]", "a rating is of one item"),
    Slip(PROMIS29, "sd: 2.34}", "sd: 0}", "is not above 0"),
    Slip(PROMIS29, "scale: pain-intensity, mean", "scale: nowhere, mean", "nowhere: not a scale above", RULE_OF_PHS),
]
TABLES = [
    Slip(FATIGUE, "        12: [57.0, 2.3]\n", "", "do not cover exactly 4 to 20: see 12", at="rows:  #"),
    Slip(FATIGUE, "        12: [57.0", "        21: [80.0, 2.3]\n        12: [57.0", "21: cannot be reached"),
    Slip(FATIGUE, "12: [57.0, 2.3]", "12: [55.1, 2.3]", "T does not rise from raw 11"),
    Slip(FATIGUE, "12: [57.0, 2.3]", "12: [57.0, 57.0]", "the standard error at raw 12 is 57.0"),
    Slip(FATIGUE, "12: [57.0, 2.3]", "12: [57.0, 0.2]", "the standard error at raw 12 is 0.2"),
    Slip(FATIGUE, "12: [57.0, 2.3]", "12: [57.05, 2.3]", "T at raw 12 is 57.05, not in tenths"),
    Slip(FATIGUE, "20: [75.8, 3.9]", "20: [95.1, 3.9]", "T at raw 20 is 95.1, outside 5 to 95"),
    Slip(FATIGUE, "4: [33.7, 4.9]", "4: [4.9, 4.9]", "T at raw 4 is 4.9, outside 5 to 95"),
    Slip(FATIGUE, "12: [57.0, 2.3]", "12: 57.0", "is not [T, SE]"),
    Slip(FATIGUE, "12: [57.0, 2.3]", "12: [57.0]", "is not [T, SE]"),
    Slip(FATIGUE, "12: [57.0, 2.3]", "x: [57.0, 2.3]", "is not a raw sum"),
    Slip(FATIGUE, "12: [57.0, 2.3]", "11: [57.0, 2.3]", "'11' is written twice"),
    Slip(
        FATIGUE, "kind: table\n", "kind: table\n      supplied: true\n", "its rows or `supplied: true`", at="rows:  #"
    ),
    Slip(SUPPLIED, "supplied: true", "supplied: false", "its rows or `supplied: true`", at="rule:"),
    Slip(PATTERN, "        least: 4\n", "        least: 9\n", "pattern.least: there are 8 items"),
    Slip(
        FATIGUE,
        "kind: table\n",
        "kind: table\n      pattern: {least: 4, source: somewhere}\n",
        "not in an item bank, and answers are scored by their pattern",
        at="    items: [HI7",
    ),
]
BANDS = [
    Slip(PHQ9, "from: 5, to: 9", "from: 6, to: 9", "is a gap or an overlap"),
    Slip(PHQ9, "from: 5, to: 9", "from: 4, to: 9", "is a gap or an overlap"),
    Slip(FATIGUE, "from: 55.1", "from: 55.0", "is a gap or an overlap"),
    Slip(PHQ9, "from: 5, to: 9", "from: 9, to: 5", "mild ends before it begins"),
    Slip(PHQ9, "from: 20, to: 27", "from: 20, to: 26", "do not run from 0 to 27", at="bands:"),
    Slip(PHQ9, "from: 0, to: 4", "from: 1, to: 4", "do not run from 0 to 27", at="bands:"),
    Slip(PHQ9, "label: moderate, ", "label: mild, ", "two have the same label: mild"),
    Slip(PHQ9, "moderate, severity: 2", "moderate, severity: 1", "not in the order of severity"),
    Slip(PHQ9, "severe, severity: 4", "severe, severity: 5", "severity: is not 0 to 4"),
    Slip(PHQ2, "      value: 3\n", "      value: 4\n", "cutoff.value: no band begins at 4"),
    Slip(PHQ2, "      value: 3\n", "      value: 0\n", "cutoff.value: no band begins at 0"),
]
ALERTS = [
    Slip(
        PHQ9,
        "    item: phq9",
        "    item: difficulty",
        "difficulty may never be asked: it is shown for some answers only",
    ),
    Slip(PHQ9, "at_least: 1", "at_least: 7", "7 is no option of phq9"),
    Slip(PHQ9, "at_least: 1", "at_least: 0", "every answer to phq9 would be an alert"),
    Slip(PHQ9, "at_least: 1", "at_least: 2", "begins after 1, from where the screening rule counts phq9"),
    Slip(PHQ9, "least: 5, most: 9", "least: 5, most: 12", "5 to 12 items of 9"),
    Slip(PHQ9, "least: 5, most: 9", "least: 9, most: 5", "9 to 5 items of 9"),
]
SOURCES = [
    Slip(PHQ9, "source: Kroenke 2001", "note: Kroenke 2001", "bands.source: is missing", at="bands:"),
    Slip(
        PHQ9,
        "      source: >-\n        Löwe",
        "      note: >-\n        Löwe",
        "threshold.source: is missing",
        "threshold:",
    ),
    Slip(PHQ9, "      cite: Loewe 2004, to be confirmed\n", "", "threshold.cite: is missing", at="threshold:"),
    Slip(
        PHQ9,
        "      source: >-\n        Arrieta",
        "      note: >-\n        Arrieta",
        "rule.source: is missing",
        "    rule:",
    ),
    Slip(PHQ9, "  source: CamCOPS", "  note: CamCOPS", "screening.source: is missing", at="screening:"),
    Slip(
        PHQ2,
        '      source: "Kroenke 2003: 3',
        '      note: "Kroenke 2003: 3',
        "cutoff.source: is missing",
        at="cutoff:",
    ),
    Slip(PCS, "      source: Minimal", "      note: Minimal", "error.source: is missing", at="    error:"),
    Slip(FATIGUE, "      source: HealthMeasures scoring", "      note: H", "rule.source: is missing", at="rule:"),
    Slip(PATTERN, "        source: >-\n", "        note: >-\n", "pattern.source: is missing", at="pattern:"),
    Slip(
        CAT, "      source: >-\n        Adult", "      note: >-\n        Adult", "rule.source: is missing", at="rule:"
    ),
    Slip(PEG, "      source: LOINC", "      note: LOINC", "rule.source: is missing", at="rule:"),
    Slip(PHQ9, "citation: >-", 'citation: "  "\nx: >-', "citation: is empty"),
    Slip(PHQ9, "citation: >-", "x: >-", "citation: is missing", at="instrument:"),
    Slip(PHQ9, "licence:", "licences:", "licence: is missing", at="instrument:"),
    Slip(PHQ9, "  holder: Drs.", "  owner: Drs.", "licence.holder: is missing", at="licence:"),
    Slip(PHQ9, "  notice: >-", "  note: >-", "licence.notice: is missing", at="licence:"),
    Slip(PHQ9, "sources:\n", "source:\n", "sources: is missing", at="instrument:"),
    Slip(PHQ9, "seconds: 80", "seconds: 80\nchanges: All.", "changes: the first revision changes", at="changes: All"),
    Slip(PHQ9, "seconds: 80", "seconds: 80\nbeside: phq-9", "beside: is this instrument itself", at="beside: phq-9"),
    Slip(PHQ9, "instrument: phq-9", "instrument: phq-99", "it holds phq-99.v1.yaml", at="# Patient"),
]
EXAMPLES = [
    Slip(
        PHQ9, "value: 27, band: severe", "value: 26, band: severe", "total.value is 27, not 26", at="- name: all three"
    ),
    Slip(PHQ9, "value: 27, band: severe", "value: 27, band: mild", "total.band is severe", at="- name: all three"),
    Slip(PHQ9, "status: scored, raw: 27", "status: prorated, raw: 27", "is scored, not pro", at="- name: all three"),
    Slip(PHQ9, "status: scored, raw: 27", "status: fine, raw: 27", "is no status"),
    Slip(PHQ9, "reason: prorated}", "reason: because}", "is no reason"),
    Slip(PHQ9, "alerts: [item-9]\n", "alerts: []\n", "raises item-9, not none", at="- name: all three"),
    Slip(PHQ9, "positive_from: 2", "positive_from: 1", "screens", at="- name: 12, four"),
    Slip(PHQ9, "max_missing: 2", "max_missing: 0", "status is not_scorable, not prorated", at="- name: one missing"),
    Slip(PHQ9, "answers: [0, 0, ", "answers: [0, ", "has 8 answers for 9 scored items"),
    Slip(PHQ9, "answers: [0, 0, ", "answers: [4, 0, ", "none of its options", at="- name: all zero"),
    Slip(PHQ9, "answers: [0, 0, ", "answers: [true, 0, ", "is not a whole number"),
    Slip(
        PHQ9, "answers: [0, 0, 0, 0, 0, 0, 0, 0, 0]", "answers: none", "is neither a list of answers nor item: answer"
    ),
    Slip(PHQ9, "answers: [0, 0, 0, 0, 0, 0, 0, 0, 0]", "answers: {phq1: 0}", "not a list in the order of the scored"),
    Slip(PROMIS29, "weight: 0.872", "weight: 0.782", "phs.value is", at="- name:"),
    Slip(
        SUPPLIED,
        "answered: 3, reason: table-missing",
        "answered: 3, reason: items-missing",
        "table-missing, not",
        "- name: one",
    ),
]
BANKS = [
    Slip(PATTERN, "bank: promis-depression", "bank: promis-sadness", "no item bank promis-sadness, revision 1"),
    Slip(
        PATTERN,
        "bank: promis-depression\n  revision: 1",
        "bank: promis-depression\n  revision: 9",
        "revision 9",
        "  bank:",
    ),
    Slip(PATTERN, "sha256: ", "sha256: x", "is not a SHA-256 in hexadecimal"),
    Slip(PATTERN, "bank: promis-depression", "bank: promis-anxiety", "hash of promis-anxiety.v1.yaml", at="sha256:"),
    Slip(PATTERN, "id: EDDEP04", "id: EDDEP99", "EDDEP04: not an item", at="    items: [EDD"),
    Slip(
        PATTERN,
        '    - {value: 5, label: "Always"}\n',
        '    - {value: 5, label: "Always"}\n    - {value: 6, label: "Ever"}\n',
        "has 4 thresholds in its bank, but 6 options that count differently",
        at="- id: EDDEP04",
    ),
]
ADAPTIVE = [
    Slip(CAT, "      least: 4\n", "      least: 13\n", "13 to 12 of 28 items", at="      most: 12"),
    Slip(CAT, "      most: 12\n", "      most: 29\n", "4 to 29 of 28 items"),
    Slip(CAT, "      least: 4\n", "      least: 0\n", "least: is below 1"),
    Slip(CAT, "      most_skipped: 6", "      most_skipped: 0", "most_skipped: is below 1"),
    Slip(CAT, "      most_skipped: 6", "      most_skiped: 6", "most_skipped: is missing", at="    rule:"),
    Slip(CAT, "se_below: 0.3", "se_below: 0.0", "a standard error is above 0"),
    Slip(CAT, "metric: T", "metric: sum", "sum is not what its rule computes"),
    Slip(
        CAT,
        "{EDDEP29: 3, EDDEP41: 3,",
        "{EDDEP41: 3, EDDEP29: 3,",
        "asks EDDEP29 next, not EDDEP41",
        "- name: always 3",
    ),
    Slip(CAT, "EDDEP06: 3}", "EDDEP06: 3, EDDEP05: 3}", "ends (precision) before EDDEP05", at="- name: always 3"),
    Slip(CAT, "{EDDEP29: 3,", "{EDDEP29: 9,", "EDDEP29: 9 is none of its options", at="- name: always 3"),
    Slip(
        CAT,
        "{EDDEP29: 3, EDDEP41: 3, EDDEP04: 3, EDDEP06: 3}",
        "[3, 3, 3, 3]",
        "are not item: answer",
        at="    answers:",
    ),
    Slip(
        CAT,
        "        text: I felt worthless\n",
        "        text: I felt worthless\n        scored: false\n",
        "asks scored",
        "- id: EDDEP04",
    ),
    Slip(
        CAT,
        "        text: I felt worthless\n",
        "        text: W\n        shown_if_any_above: 0\n",
        "asks scored",
        "- id: EDDEP04",
    ),
    Slip(CAT, "scales:\n", SECOND_SCALE, "an adaptive instrument has one scale", at="  - id: depression\n    name"),
    Slip(CAT, "scales:\n", f"{ALERT}scales:\n", "may never ask the item", at="alerts:"),
    Slip(CAT, "scales:\n", f"{SCREENING}scales:\n", "may never ask the item", at="screening: {"),
]
SLIPS = [*KEYS, *IDS, *OPTIONS, *SCALES, *TABLES, *BANDS, *ALERTS, *SOURCES, *EXAMPLES, *BANKS, *ADAPTIVE]


def refused(file: Path) -> list[str]:
    with pytest.raises(DefinitionError) as refusal:
        load_instrument(file, LIBRARY.bank)
    return str(refusal.value).splitlines()


@pytest.mark.parametrize("slip", SLIPS, ids=str)
def test_a_slip_is_found_at_its_line(tmp_path: Path, slip: Slip) -> None:
    file, line = slip.written(tmp_path, FILES[slip.file])
    found = refused(file)
    assert any(each.startswith(f"{file}:{line}: ") and slip.message in each for each in found), found


def test_a_composite_needs_published_tables(tmp_path: Path) -> None:
    text = FILES[PROMIS29].read_text(encoding="utf-8")
    head, tail = text.split("  - id: fatigue\n    name: Fatigue", 1)
    rows = tail[tail.index("      rows:") : tail.index("    axis:")]
    file = tmp_path / FILES[PROMIS29].name
    changed = head + "  - id: fatigue\n    name: Fatigue" + tail.replace(rows, "      supplied: true\n", 1)
    file.write_text(changed, encoding="utf-8")
    line = changed[: changed.index("- weight: -0.009")].count("\n") + 1
    assert f"{file}:{line}: scales.8.rule.terms.3: fatigue has no published table" in refused(file)


UNSCORED = """alerts:
  - {rule: risk, item: made_up, at_least: 1, unanswered_rule: risk-not-answered, topic: Risk, beside: []}
check:  # they hold scored items only, so the made-up one is not answered
  - name: zero
    answers: [0, 0, 0, 0, 0, 0, 0]
    alerts: [risk-not-answered]
    expect: {total: {status: scored, value: 0}}
  - name: most
    answers: [3, 3, 3, 3, 3, 3, 3]
    alerts: [risk-not-answered]
    expect: {total: {status: scored, value: 21}}
  - name: missing
    answers: [3, 3, 3, 3, 3, null, null]
    alerts: [risk-not-answered]
    expect: {total: {status: not_scorable, value: null}}
"""


def test_an_alert_may_watch_an_item_that_is_not_scored(tmp_path: Path) -> None:
    file = tmp_path / FILES[GAD7].name
    text = FILES[GAD7].read_text(encoding="utf-8").partition("check:\n")[0]
    made_up = "    items:\n      - {id: made_up, text: A made-up question, scored: false}\n"
    file.write_text(text.replace("    items:\n", made_up, 1) + UNSCORED, encoding="utf-8")
    watched = load_instrument(file)
    assert not watched.item_by_id["made_up"].scored
    assert [alert.item for alert in watched.alerts] == ["made_up"]


def test_a_second_revision_says_what_it_changed(tmp_path: Path) -> None:
    text = FILES[PHQ9].read_text(encoding="utf-8")
    file = tmp_path / "phq-9.v2.yaml"
    file.write_text(text.replace("revision: 1", "revision: 2", 1), encoding="utf-8")
    assert refused(file) == [f"{file}:4: revision: needs `changes`: what it changed"]
    file.write_text(text.replace("revision: 1", "revision: 2\nchanges: A notice.", 1), encoding="utf-8")
    assert load_instrument(file).changes == "A notice."


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda text: text.split("  - name: sum 5")[0], "needs 3 worked examples or more"),
        (lambda text: text.split("  - name: one")[0], "needs a worked example with a missing answer"),
    ],
)
def test_three_examples_and_one_with_a_missing_answer(tmp_path: Path, keep: Callable[[str], str], message: str) -> None:
    file = tmp_path / FILES[GAD7].name
    text = keep(FILES[GAD7].read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")
    line = text[: text.index("\ncheck:")].count("\n") + 2
    assert f"{file}:{line}: check: {message}" in refused(file)


def test_a_scale_in_no_example_is_found(tmp_path: Path) -> None:
    file = tmp_path / FILES[PCS].name
    head, examples = FILES[PCS].read_text(encoding="utf-8").split("check:\n")
    kept = [line for line in examples.splitlines() if "rumination:" not in line]
    file.write_text(head + "check:\n" + "\n".join(kept) + "\n", encoding="utf-8")
    assert refused(file) == [f"{file}:{head.count(chr(10)) + 1}: check: rumination: in no worked example"]


def test_the_shapes_of_all_errors_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "phq-9.v1.yaml"
    text = FILES[PHQ9].read_text(encoding="utf-8")
    file.write_text(text.replace("seconds: 80", "second: 80").replace("better: lower", "better: down"), "utf-8")
    assert [line.split(": ", 2)[1] for line in refused(file)] == ["seconds", "second", "scales.0.better"]


@pytest.mark.parametrize("instrument", LIBRARY.instruments(), ids=lambda instrument: instrument.id)
def test_axes_of_t_scores_span_so_that_slopes_compare(instrument: Instrument) -> None:
    """50 T, or 70 where values lie outside: the file's notes say so."""
    spans = {scale.axis[1] - scale.axis[0] for scale in instrument.scales if scale.metric == "T"}
    assert spans <= {Decimal(50), Decimal(70)}
    assert Decimal(70) not in spans or any("this one runs from" in note for note in instrument.notes)
