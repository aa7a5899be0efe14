"""What the library finds, what it loads once, and what it refuses."""

import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from prom_server import resources
from prom_server.core.instrument import LicenceKind
from prom_server.core.refusals import DefinitionError, NotFound
from prom_server.definitions import library as library_module
from prom_server.definitions.library import Library
from prom_server.definitions.supplements import apply

SHIPPED = resources.directory("instruments")
FORMS = ["ability-participate", "anxiety", "depression", "fatigue", "pain-interference", "physical-function"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A clinic's own directory, with two revisions of GAD-7 and the free protocol."""
    text = (SHIPPED / "gad/gad-7.v1.yaml").read_text(encoding="utf-8")
    (tmp_path / "gad-7.v1.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "gad-7.v10.yaml").write_text(text.replace("revision: 1", "revision: 10"), encoding="utf-8")
    (tmp_path / "gad-7.v9.yaml").write_text(text.replace("revision: 1", "revision: 9"), encoding="utf-8")
    return tmp_path


def test_the_shipped_instruments() -> None:
    ids = [instrument.id for instrument in Library.shipped().instruments()]
    promis = [f"promis-{form}-4a" for form in [*FORMS, "sleep-disturbance"]]
    assert ids == sorted(["phq-9", "gad-7", "pcs", "promis-29", "promis-pain-interference-8a", *promis])


def test_the_shipped_protocols() -> None:
    library = Library.shipped()
    assert [protocol.id for protocol in library.protocols()] == ["five-day-free-instruments", "ketamine-five-day"]
    default = library.protocol("ketamine-five-day")
    assert default.battery == ("promis-29", "phq-9", "gad-7", "pcs")
    assert [(p.id, p.opens, p.due, p.overdue, p.closes) for p in default.time_points] == [
        ("baseline", -30, 0, 1, 0),
        ("last-infusion", 0, 0, 1, 3),
        ("month-3", 76, 90, 97, 120),
        ("month-6", 150, 180, 187, 225),
    ]
    assert [p.closes_at_first_infusion for p in default.time_points] == [True, False, False, False]
    assert library.protocol("five-day-free-instruments").time_points == default.time_points


def test_licences() -> None:
    by_kind = {kind: set() for kind in LicenceKind}  # type: dict[LicenceKind, set[str]]
    for instrument in Library.shipped().instruments():
        by_kind[instrument.licence.kind].add(instrument.id)
    assert by_kind[LicenceKind.FREE] == {"phq-9", "gad-7"}
    assert by_kind[LicenceKind.SUPPLEMENT] == {"pcs"}
    assert all(id_.startswith("promis-") for id_ in by_kind[LicenceKind.PERMISSION])


def test_the_pcs_ships_no_wording() -> None:
    pcs = Library.shipped().get("pcs")
    assert not pcs.has_wording
    assert all(item.text is None and item.context is None for item in pcs.items)
    assert pcs.items[7].placeholder == "Item 8 of 13 (rumination): wording is licensed"


def test_the_newest_revision_unless_one_is_named(directory: Path) -> None:
    library = Library([directory])
    assert library.revisions("gad-7") == (1, 9, 10)
    assert library.get("gad-7").revision == 10
    assert library.get("gad-7", 9).revision == 9
    assert [instrument.revision for instrument in library.instruments()] == [10]


def test_unknown_is_not_found(directory: Path) -> None:
    library = Library([directory])
    for find in (
        lambda: library.get("phq-9"),
        lambda: library.get("gad-7", 2),
        lambda: library.get("../gad-7"),
        lambda: library.protocol("none"),
        lambda: Library.shipped().protocol("ketamine-five-day", 9),
    ):
        with pytest.raises(NotFound):
            find()
    assert library.find("phq-9") is None
    assert library.revisions("phq-9") == ()


def test_a_file_is_read_once_and_only_when_asked_for(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    load = library_module.load_instrument
    monkeypatch.setattr(library_module, "load_instrument", lambda path: (read.append(path.name), load(path))[1])
    library = Library([directory])
    assert library.get("gad-7") is library.get("gad-7", 10)
    assert read == ["gad-7.v10.yaml"]


def test_the_hash_is_that_of_the_file(directory: Path) -> None:
    content = (directory / "gad-7.v9.yaml").read_bytes()
    assert Library([directory]).get("gad-7", 9).content_hash == sha256(content).hexdigest()
    protocol = SHIPPED / "protocols/ketamine-five-day.v1.yaml"
    assert Library.shipped().protocol("ketamine-five-day").content_hash == sha256(protocol.read_bytes()).hexdigest()


def test_file_names_say_what_is_in_them(directory: Path) -> None:
    (directory / "gad-7.v11.yaml").write_bytes((directory / "gad-7.v1.yaml").read_bytes())
    with pytest.raises(DefinitionError, match=r"gad-7\.v11\.yaml:1: is named .* it holds gad-7\.v1\.yaml"):
        Library([directory]).get("gad-7")
    (directory / "notes.yaml").write_text("a: 1\n")
    with pytest.raises(DefinitionError, match=r"notes\.yaml:1: is not named"):
        Library([directory]).get("gad-7", 1)


def test_the_same_revision_twice_is_refused(directory: Path) -> None:
    with pytest.raises(DefinitionError, match="is the same revision already"):
        Library([SHIPPED, directory]).instruments()


def test_a_wrong_file_does_not_stop_the_others(directory: Path) -> None:
    (directory / "phq-9.v1.yaml").write_text("instrument: phq-9\n")
    library = Library([directory])
    assert library.get("gad-7").revision == 10
    with pytest.raises(DefinitionError):
        library.get("phq-9")


BREAKS = [
    ("battery: [promis-29, phq-9, gad-7, pcs]", "battery: [promis-29, gad-7, pcs, phq-9]", "must not be the last"),
    ("battery: [promis-29,", "battery: [sf-36,", "there is no instrument sf-36"),
    ("battery: [promis-29,", "battery: [promis-29, promis-pain-interference-8a,", "PAININ9 asks the same as promis-29"),
    ("battery: [promis-29,", "battery: [pcs, promis-29,", "an instrument is there twice"),
    ("opens: 76", "opens: 91", "not in this order"),
    ("closes: 120", "closes: 89", "not in this order"),
    ("closes: 120", "closes: 150", "overlaps another window"),
    ("id: month-6", "id: month-3", "month-3 is there twice"),
    ("anchor: latest-infusion", "anchor: yesterday", "anchor: is none of"),
    ("closes_at_first_infusion: true", "closes_at_first_infusion: 1", "neither true nor false"),
    ("planned_infusions: 5", "planned_infusions: 0", "is below 1"),
    ("overdue: 97", "overdue: 90", "not in this order"),
]


@pytest.mark.parametrize(("before", "after", "message"), BREAKS)
def test_protocols_are_linted_too(tmp_path: Path, before: str, after: str, message: str) -> None:
    shutil.copytree(SHIPPED, tmp_path / "all")
    file = tmp_path / "all/protocols/ketamine-five-day.v1.yaml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match=rf"{file.name}:\d+: ") as refusal:
        Library([tmp_path / "all"]).protocol("ketamine-five-day")
    assert message in str(refusal.value)


def supplement_text(items: int = 13, **changes: str) -> str:
    """Made-up words: the licensed ones stand nowhere in this repository."""
    written = {"supplement": "pcs", "revision": "1", "source": "a licence", "date": "2026-11-24", "entered_by": "Bob"}
    lines = [f"{key}: {value}" for key, value in (written | changes).items()]
    return "\n".join([*lines, "items:", *(f"  pcs{n}: made-up words {n}" for n in range(1, items + 1)), ""])


def supplemented(tmp_path: Path, text: str) -> Library:
    (tmp_path / "pcs.yaml").write_text(text, encoding="utf-8")
    return Library.shipped(supplements=tmp_path)


def test_a_supplement_brings_words_and_nothing_else(tmp_path: Path) -> None:
    library = supplemented(tmp_path, supplement_text(context="A made-up stem"))
    plain, worded = library.get("pcs"), library.get_with_wording("pcs")
    assert worded.has_wording
    assert worded.items[7].text == "made-up words 8"
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
        (supplement_text(12), ":6: items: pcs13: still without wording"),
        (supplement_text(14), ":20: items.pcs14: is no item of pcs"),
        (supplement_text(date="soon"), ":4: date: is not a date"),
        (supplement_text(scales="[]"), ":6: scales: is not a key that is known here"),
        (supplement_text(source='" "'), ":3: source: is empty"),
        (supplement_text().replace("made-up words 3", '""'), "pcs3: is empty"),
    ],
)
def test_a_supplement_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=r"pcs\.yaml") as refusal:
        supplemented(tmp_path, text).get_with_wording("pcs")
    assert message in str(refusal.value)


def test_published_wording_cannot_be_replaced(tmp_path: Path) -> None:
    text = supplement_text(supplement="gad-7").replace("pcs", "gad")
    with pytest.raises(DefinitionError, match="has its publisher's wording already"):
        supplemented(tmp_path, text).get_with_wording("gad-7")


def test_a_supplement_for_another_revision_is_not_applied(tmp_path: Path) -> None:
    library = supplemented(tmp_path, supplement_text(revision="2"))
    assert not library.get_with_wording("pcs").has_wording


def test_a_supplement_is_never_applied_to_something_else(tmp_path: Path) -> None:
    library = supplemented(tmp_path, supplement_text())
    supplement = library.supplement("pcs", 1)
    assert supplement is not None
    with pytest.raises(DefinitionError, match="is for pcs revision 1, not pcs"):
        apply(replace(library.get("pcs"), revision=2), supplement)


def test_two_supplements_for_one_revision_are_refused(tmp_path: Path) -> None:
    (tmp_path / "again.yaml").write_text(supplement_text(), encoding="utf-8")
    with pytest.raises(DefinitionError, match="a supplement for the same revision already"):
        supplemented(tmp_path, supplement_text()).get_with_wording("pcs")
