"""What a clinic may add to a definition, and everything that it may not."""

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest

from prom_server.core.instrument import Band
from prom_server.core.refusals import DefinitionError, NotFound
from prom_server.core.rules import TableRule
from prom_server.core.scoring import Status, score
from prom_server.definitions.application import apply
from prom_server.definitions.library import Library, rebuild
from prom_server.definitions.supplements import Supplement, load_supplement
from tests.unit.definitions.clinic_supplements import (
    SELF_EFFICACY,
    SEMSX,
    gad7_in_spanish,
    pcs,
    self_efficacy,
    synthetic_table,
    written,
)

SCALE = "self-efficacy-symptoms"


def supplemented(tmp_path: Path, text: str) -> Library:
    written(tmp_path, "pcs.yaml", text)
    return Library.shipped(supplements=tmp_path)


def test_wording_and_nothing_else(tmp_path: Path) -> None:
    library = supplemented(tmp_path, pcs(context="A made-up stem"))
    plain, worded = library.get("pcs"), library.get_with_wording("pcs")
    assert not plain.has_wording
    assert worded.has_wording
    assert worded.items[7].text == "Synthetic wording 8"
    assert worded.items[7].context == "A made-up stem"
    unworded = tuple(replace(item, text=None, context=None) for item in worded.items)
    assert replace(worded, items=unworded, supplement_hash="") == plain
    assert worded.content_hash == plain.content_hash
    assert worded.supplement_hash == sha256((tmp_path / "pcs.yaml").read_bytes()).hexdigest()
    supplement = library.supplement("pcs", 1)
    assert supplement is not None
    assert supplement.content_hash == worded.supplement_hash
    assert library.get_with_wording("pcs") is worded
    assert library.get_with_wording("phq-9") is library.get("phq-9")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (pcs(12), ":6: items: pcs13: still without wording"),
        (pcs(14), ":20: items.pcs14: is no item of pcs"),
        (pcs(date="soon"), ":4: date: is not a date"),
        (pcs(scales="[]"), ":6: scales: is not a key that is known here"),
        (pcs(recode="{}"), ":6: recode: is not a key that is known here"),
        (pcs(source='" "'), ":3: source: is empty"),
        (pcs().replace("source: a licence\n", ""), ":1: source: is missing"),
        (pcs().replace("entered_by: Bob\n", ""), ":1: entered_by: is missing"),
        (pcs().replace("Synthetic wording 3", '""'), ":9: items.pcs3: is empty"),
        (pcs().replace("pcs2: ", "pcs1: "), ":8: 'pcs1' is written twice"),
        (pcs(options="{degree: {0: a}}"), ":6: options: belongs to a translation, and the language is en"),
        (pcs(contexts="{a: b}"), ":6: contexts: belongs to a translation"),
        (
            pcs(0, context="A stem", tables="{total: {file: a.csv, source: s}}").replace("items:\n", ""),
            ":6: context: is the",
        ),
        (pcs().replace("wording 13", "WORDING 3."), ":19: items.pcs13: asks the same as pcs3"),
        (pcs(sections="{a: b}"), ":6: sections: belongs to a translation"),
        (pcs(language="Spanish"), ":6: language: is not a language such as en or es-MX"),
        (pcs(0).replace("items:\n", ""), ":1: brings neither items nor tables"),
        (pcs(tables="{nowhere: {file: a.csv, source: s}}"), "a.csv:1: cannot be read"),
        (pcs(tables="{total: {file: ../a.csv, source: s}}"), ":6: tables.total.file: is no CSV file beside this one"),
        (pcs(tables="{total: {file: /etc/passwd, source: s}}"), "tables.total.file: is no CSV file beside this one"),
        (pcs(tables="{total: {file: a.csv}}"), ":6: tables.total.source: is missing"),
        (pcs(tables="{a: {file: a.csv, source: s}, b: {file: a.csv, source: s}}"), "two scales have the same file"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        supplemented(tmp_path, text).get_with_wording("pcs")
    assert message in str(refusal.value)


def test_published_wording_cannot_be_replaced(tmp_path: Path) -> None:
    text = pcs(supplement="gad-7").replace("pcs", "gad")
    with pytest.raises(DefinitionError, match=r"pcs\.yaml:7: items\.gad1: has its publisher's wording already"):
        supplemented(tmp_path, text).get_with_wording("gad-7")


def test_a_published_table_cannot_be_replaced(tmp_path: Path) -> None:
    written(tmp_path, "a.csv", synthetic_table())
    head = pcs(0, supplement="promis-fatigue-4a").replace("items:\n", "")
    for scale, message in (("fatigue", "is scored as published"), ("nowhere", "is no scale of promis-fatigue-4a")):
        text = head + f"tables:\n  {scale}: {{file: a.csv, source: s}}\n"
        with pytest.raises(DefinitionError, match=rf"pcs\.yaml:7: tables\.{scale}: {message}"):
            supplemented(tmp_path, text).get_with_wording("promis-fatigue-4a")


def test_another_revision_is_left_alone(tmp_path: Path) -> None:
    library = supplemented(tmp_path, pcs(revision="2"))
    assert not library.get_with_wording("pcs").has_wording
    supplement = load_supplement(tmp_path / "pcs.yaml")
    with pytest.raises(DefinitionError, match="is for pcs revision 2, not pcs"):
        apply(library.get("pcs"), supplement)


def test_two_for_one_revision_and_language_are_refused(tmp_path: Path) -> None:
    written(tmp_path, "again.yaml", pcs())
    with pytest.raises(
        DefinitionError, match=r"pcs\.yaml:1: .*again\.yaml is a supplement for the same revision and l"
    ):
        supplemented(tmp_path, pcs()).get_with_wording("pcs")


def test_a_table_makes_a_scale_scorable(tmp_path: Path) -> None:
    self_efficacy(tmp_path)
    library = Library.shipped(supplements=tmp_path)
    plain, supplied = library.get(SELF_EFFICACY), library.get_with_wording(SELF_EFFICACY)
    assert (plain.has_wording, plain.has_tables) == (False, False)
    assert (supplied.has_wording, supplied.has_tables) == (True, True)
    [scale] = supplied.scales
    assert (scale.low, scale.high) == (Decimal("20.0"), Decimal("60.0"))
    assert scale.axis == plain.scales[0].axis
    assert isinstance(scale.rule, TableRule)
    assert scale.rule.source == "a synthetic manual"
    highest = dict.fromkeys(SEMSX, 5)
    assert score(plain, highest)[0].value is None
    [reached] = score(supplied, highest)
    assert (reached.status, reached.value, reached.se) == (Status.SCORED, Decimal("60.0"), None)
    assert score(supplied, {**highest, SEMSX[0]: None})[0].status is Status.NOT_SCORABLE


def test_a_table_alone_leaves_the_wording_open(tmp_path: Path) -> None:
    path = self_efficacy(tmp_path)
    head, tables = path.read_text("utf-8").split("context:")[0], path.read_text("utf-8").split("tables:")[1]
    path.write_text(f"{head}tables:{tables}", "utf-8")
    form = Library.shipped(supplements=tmp_path).get_with_wording(SELF_EFFICACY)
    assert (form.has_wording, form.has_tables) == (False, True)


def test_a_published_stem_cannot_be_replaced(tmp_path: Path) -> None:
    self_efficacy(tmp_path)
    plain = Library.shipped().get(SELF_EFFICACY)
    stemmed = replace(plain, items=tuple(replace(item, context="Published") for item in plain.items))
    with pytest.raises(DefinitionError, match=r"se\.yaml:6: context: the stem is there already"):
        apply(stemmed, load_supplement(tmp_path / "se.yaml"))


def test_all_are_read_at_once_where_asked(tmp_path: Path) -> None:
    """At the start of a server: the first wrong one is told, not the one that a patient comes upon."""
    written(tmp_path, "a.yaml", gad7_in_spanish())
    assert [each.instrument for each in supplemented(tmp_path, pcs()).supplements()] == ["gad-7", "pcs"]
    with pytest.raises(DefinitionError, match=r"pcs\.yaml:6: items: pcs13: still without wording"):
        supplemented(tmp_path, pcs(12)).supplements()
    written(tmp_path, "a.yaml", gad7_in_spanish().replace('3: "Tres"', '3: "Dos"'))
    with pytest.raises(DefinitionError, match="two options read the same: Dos"):
        supplemented(tmp_path, pcs()).supplements()


@pytest.mark.parametrize(
    "wrong",
    [
        pcs(12),
        pcs() + "items: [\n",
        'revision: 1\nitems: {a: {b: c}}\n"supplement": pcs\n',
        "{supplement: pcs, [",
        "[",
        "a: 1",
    ],
    ids=["misfit", "not-yaml-below", "last-key", "in-braces", "not-yaml", "no-supplement"],
)
def test_a_wrong_one_stops_nobody_else(tmp_path: Path, wrong: str) -> None:
    written(tmp_path, "se.yaml", self_efficacy(tmp_path).read_text("utf-8"))
    library = supplemented(tmp_path, wrong)
    assert library.get_with_wording(SELF_EFFICACY).has_tables
    with pytest.raises(DefinitionError, match=r"pcs\.yaml:"):
        library.supplements()
    if "pcs" in wrong:
        with pytest.raises(DefinitionError, match=r"pcs\.yaml:"):
            library.get_with_wording("pcs")


def test_wording_without_the_table_is_not_yet_scorable(tmp_path: Path) -> None:
    path = self_efficacy(tmp_path)
    path.write_text(path.read_text("utf-8").split("tables:")[0], "utf-8")
    form = Library.shipped(supplements=tmp_path).get_with_wording(SELF_EFFICACY)
    assert (form.has_wording, form.has_tables) == (True, False)


def test_an_axis_is_widened_to_the_next_ten(tmp_path: Path) -> None:
    self_efficacy(tmp_path, synthetic_table(low="5.0").replace("20,60.0,", "20,95.0,"))
    library = Library.shipped(supplements=tmp_path)
    [scale] = library.get_with_wording(SELF_EFFICACY).scales
    assert scale.axis == (Decimal(0), Decimal(100))
    assert scale.ticks == tuple(map(Decimal, range(0, 101, 10)))


def test_the_outer_bands_follow_the_axis(tmp_path: Path) -> None:
    self_efficacy(tmp_path, synthetic_table().replace("20,60.0,", "20,84.2,"))
    plain = Library.shipped().get(SELF_EFFICACY)
    bands = (Band(Decimal(10), Decimal("44.9"), "low", 1), Band(Decimal(45), Decimal(80), "high", 0))
    banded = replace(plain, scales=(replace(plain.scales[0], bands=bands),))
    [scale] = apply(banded, load_supplement(tmp_path / "se.yaml")).scales
    assert [(band.low, band.high) for band in scale.bands] == [(10, Decimal("44.9")), (45, 90)]
    assert scale.band(Decimal("84.2")) == scale.bands[-1]


TABLE_SLIPS = [
    ("raw,T,SE\n", "raw,t,SE\n", 1, "its heading is not raw,T,SE"),
    ("raw,T,SE\n", "", 1, "its heading is not raw,T,SE"),
    ("4,20.0,5.1\n", "", 1, "do not cover exactly 4 to 20: see 4"),
    ("4,20.0,5.1\n", "3,19.0,5.1\n4,20.0,5.1\n", 2, "cannot be reached: the sums are 4 to 20"),
    ("4,20.0,5.1\n", "4,20.0,5.1\n4,20.0,5.1\n", 3, "raw 4 is there twice"),
    ("4,20.0,5.1\n", "4,20.0\n", 2, "has 2 cells, not 3"),
    ("4,20.0,5.1\n", "4,20.0,5.1,\n", 2, "has 4 cells, not 3"),
    ("4,20.0,5.1\n", "4;20.0;5.1\n", 2, "has 1 cells, not 3"),
    ("4,20.0,5.1\n", "\n4,20.0,5.1\n", 2, "has 0 cells, not 3"),
    ("4,20.0,5.1\n", "4.0,20.0,5.1\n", 2, "'4.0' is not a raw sum"),
    ("4,20.0,5.1\n", "04,20.0,5.1\n", 2, "'04' is not a raw sum"),
    ("4,20.0,5.1\n", "4, 20.0,5.1\n", 2, "' 20.0' is not a T-score"),
    ("4,20.0,5.1\n", '4,"20,0",5.1\n', 2, "'20,0' is not a T-score"),
    ("4,20.0,5.1\n", "4,nan,5.1\n", 2, "'nan' is not a T-score"),
    ("4,20.0,5.1\n", "4,,5.1\n", 2, "'' is not a T-score"),
    ("4,20.0,5.1\n", "4,2e1,5.1\n", 2, "'2e1' is not a T-score"),
    ("4,20.0,5.1\n", "4,20.05,5.1\n", 2, "T at raw 4 is 20.05, not in tenths"),
    ("4,20.0,5.1\n", "4,4.9,5.1\n", 2, "T at raw 4 is 4.9, outside 5 to 95"),
    ("20,60.0,", "20,999.0,", 18, "T at raw 20 is 999.0, outside 5 to 95"),
    ("4,20.0,5.1\n", "4,20.0,none\n", 2, "'none' is not a standard error"),
    ("4,20.0,5.1\n", "4,20.0,20.0\n", 2, "the standard error at raw 4 is 20.0"),
    ("4,20.0,5.1\n", "4,20.0,0.0\n", 2, "the standard error at raw 4 is 0.0"),
    ("5,25.5", "5,20.0", 3, "T does not rise from raw 4 (20.0) to 5 (20.0)"),
    ("4,20.0,5.1\n", '4,"20.0"x,5.1\n', 2, "is not CSV"),
]


@pytest.mark.parametrize(("before", "after", "line", "message"), TABLE_SLIPS)
def test_a_table_is_checked_like_a_shipped_one(
    tmp_path: Path, before: str, after: str, line: int, message: str
) -> None:
    assert before in synthetic_table()
    self_efficacy(tmp_path, synthetic_table().replace(before, after, 1))
    with pytest.raises(DefinitionError) as refusal:
        Library.shipped(supplements=tmp_path).get_with_wording(SELF_EFFICACY)
    found = str(refusal.value).splitlines()
    assert any(each.startswith(f"{tmp_path / 'se-4a.csv'}:{line}: ") and message in each for each in found), found


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    self_efficacy(tmp_path)
    (tmp_path / "se-4a.csv").write_bytes(synthetic_table().replace("\n", "\r\n").encode())
    assert Library.shipped(supplements=tmp_path).get_with_wording(SELF_EFFICACY).has_tables


def test_a_table_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As spreadsheets write it. The hash is of the bytes as they are."""
    path, marked = self_efficacy(tmp_path), b"\xef\xbb\xbf" + synthetic_table().encode()
    (tmp_path / "se-4a.csv").write_bytes(marked)
    library = Library.shipped(supplements=tmp_path)
    supplied = library.get_with_wording(SELF_EFFICACY)
    assert supplied.has_tables
    assert supplied.supplement_hash == sha256(path.read_bytes() + marked).hexdigest()
    assert rebuild(library.source_of(supplied)) == supplied


@pytest.mark.parametrize("content", [b"\xff\xfe", b"raw,T,SE\n", b"x" * 300_000], ids=["not-utf-8", "no-rows", "large"])
def test_a_table_that_is_none(tmp_path: Path, content: bytes) -> None:
    self_efficacy(tmp_path)
    (tmp_path / "se-4a.csv").write_bytes(content)
    with pytest.raises(DefinitionError, match=r"se-4a\.csv:1: "):
        load_supplement(tmp_path / "se.yaml")


def test_the_hash_is_of_all_files_and_they_rebuild_it(tmp_path: Path) -> None:
    path = self_efficacy(tmp_path)
    supplement = load_supplement(path)
    assert supplement.content_hash == sha256(path.read_bytes() + (tmp_path / "se-4a.csv").read_bytes()).hexdigest()
    assert set(supplement.files) == {"se.yaml", "se-4a.csv"}
    again = Supplement.from_files(supplement.files)
    assert again.content_hash == supplement.content_hash
    plain = Library.shipped().get(SELF_EFFICACY)
    assert apply(plain, again) == apply(plain, supplement)
    with pytest.raises(DefinitionError, match=r"se-4a\.csv:1: is missing"):
        Supplement.from_files({"se.yaml": supplement.files["se.yaml"]})
    with pytest.raises(DefinitionError, match="one YAML file and its tables"):
        Supplement.from_files({})


def test_a_language_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    library = supplemented(tmp_path, gad7_in_spanish())
    assert library.languages("gad-7") == ("en", "es")
    assert library.languages("phq-9", 1) == ("en",)
    with pytest.raises(NotFound):
        library.get_with_wording("gad-7", 1, "fr")
    with pytest.raises(NotFound):
        library.get_with_wording("phq-9", 1, "es")
    with pytest.raises(NotFound):
        library.languages("sf-36")
