"""What the library finds, what it loads once, and what it refuses."""

from hashlib import sha256
from pathlib import Path

import pytest

from prom_server import resources
from prom_server.core.instrument import LicenceKind
from prom_server.core.refusals import DefinitionError, NotFound
from prom_server.definitions import library as library_module
from prom_server.definitions.library import Library

SHIPPED = resources.directory("instruments")
FORMS = ["ability-participate", "anxiety", "depression", "fatigue", "pain-interference", "physical-function"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A clinic's own directory, with two revisions of GAD-7 and the free protocol."""
    text = (SHIPPED / "gad/gad-7.v1.yaml").read_text(encoding="utf-8")
    (tmp_path / "gad-7.v1.yaml").write_text(text, encoding="utf-8")
    for revision in (10, 9):
        later = text.replace("revision: 1", f"revision: {revision}\nchanges: a made-up one")
        (tmp_path / f"gad-7.v{revision}.yaml").write_text(later, encoding="utf-8")
    return tmp_path


def test_the_shipped_instruments() -> None:
    ids = [instrument.id for instrument in Library.shipped().instruments()]
    promis = {f"promis-{form}-4a" for form in [*FORMS, "sleep-disturbance"]}
    assert ids == sorted(ids)
    assert {"phq-9", "gad-7", "pcs", "promis-29", "promis-pain-interference-8a", *promis} <= set(ids)


def test_the_shipped_protocols() -> None:
    library = Library.shipped()
    assert {"five-day-free-instruments", "ketamine-five-day"} <= {protocol.id for protocol in library.protocols()}
    default = library.protocol("ketamine-five-day")
    assert default.battery == ("promis-29", "phq-9", "gad-7", "pcs")
    assert [(p.id, p.opens.days, p.due.days, p.overdue.days, p.closes.days) for p in default.time_points] == [
        ("baseline", -30, 0, 1, 0),
        ("last-infusion", 0, 0, 1, 3),
        ("month-3", 76, 90, 97, 120),
        ("month-6", 150, 180, 187, 225),
    ]
    assert [p.closes_at_first_infusion for p in default.time_points] == [True, False, False, False]
    for same in ("five-day-free-instruments", "ketamine-single-infusion"):
        assert library.protocol(same).time_points == default.time_points


def test_licences() -> None:
    """PROMIS needs permission, the PCS a supplement; nobody has to ask for the others."""
    for instrument in Library.shipped().instruments():
        promis = instrument.id.startswith("promis-")
        kind = LicenceKind.PERMISSION if promis else LicenceKind.FREE
        assert instrument.licence.kind is (LicenceKind.SUPPLEMENT if instrument.id == "pcs" else kind)


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
    really = library_module.read
    monkeypatch.setattr(library_module, "read", lambda path: (read.append(path.name), really(path))[1])
    library = Library([directory])
    assert library.get("gad-7") is library.get("gad-7", 10) is library.get_with_wording("gad-7")
    assert read == ["gad-7.v10.yaml"]


def test_the_hash_is_that_of_the_file(directory: Path) -> None:
    content = (directory / "gad-7.v9.yaml").read_bytes()
    assert Library([directory]).get("gad-7", 9).content_hash == sha256(content).hexdigest()
    protocol = SHIPPED / "protocols/ketamine-five-day.v2.yaml"
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
