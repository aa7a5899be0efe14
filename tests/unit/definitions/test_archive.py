"""An instrument is kept as the texts of its files and built again from them, years later and elsewhere."""

from decimal import Decimal
from pathlib import Path

import pytest

from prom_server.core.refusals import DefinitionError, NotFound
from prom_server.definitions.library import Library, rebuild
from tests.unit.definitions.clinic_supplements import (
    SELF_EFFICACY,
    gad7_in_spanish,
    pcs,
    self_efficacy,
    synthetic_table,
    written,
)

SHIPPED = Library.shipped()


@pytest.mark.parametrize("instrument_id", [instrument.id for instrument in SHIPPED.instruments()])
def test_every_shipped_instrument_comes_back_the_same(instrument_id: str) -> None:
    instrument = SHIPPED.get(instrument_id)
    assert rebuild(SHIPPED.source_of(instrument)) == instrument


def test_the_bank_travels_with_it() -> None:
    files = SHIPPED.source_of(SHIPPED.get("promis-depression-cat"))
    assert set(files) == {"instrument/promis-depression-cat.v1.yaml", "bank/promis-depression.v1.yaml"}
    again = rebuild(files)
    assert again.bank.ids == SHIPPED.get("promis-depression-cat").bank.ids
    with pytest.raises(DefinitionError, match="there is no item bank promis-depression, revision 1"):
        rebuild({name: text for name, text in files.items() if name.startswith("instrument/")})
    changed = files | {"bank/promis-depression.v1.yaml": files["bank/promis-depression.v1.yaml"] + "# x\n"}
    with pytest.raises(DefinitionError, match=r"instrument/.*: parameters\.sha256: is not the hash of"):
        rebuild(changed)


def test_supplements_travel_with_it(tmp_path: Path) -> None:
    self_efficacy(tmp_path)
    written(tmp_path, "gad.yaml", gad7_in_spanish())
    library = Library.shipped(supplements=tmp_path)
    supplied = library.get_with_wording(SELF_EFFICACY)
    files = library.source_of(supplied)
    assert set(files) == {
        f"instrument/{SELF_EFFICACY}.v1.yaml",
        "supplement/en/se.yaml",
        "supplement/en/se-4a.csv",
    }
    assert rebuild(files) == supplied
    assert rebuild(files).supplement_hash == supplied.supplement_hash != ""
    spanish = library.get_with_wording("gad-7", language="es")
    assert rebuild(library.source_of(spanish)) == spanish
    assert rebuild(library.source_of(library.get("gad-7"))) == library.get("gad-7")


def test_a_translation_comes_back_after_the_clinics_own(tmp_path: Path) -> None:
    labels = ", ".join(f'{n}: "Opción {n}"' for n in range(5))
    text = (
        pcs(language="de", contexts="{A stem: Kontext}", sections="{thoughts: Titel}")
        + f"options:\n  degree: {{{labels}}}\n"
    )
    written(tmp_path, "de.yaml", text)
    written(tmp_path, "en.yaml", pcs(context="A stem"))
    library = Library.shipped(supplements=tmp_path)
    german = library.get_with_wording("pcs", language="de")
    again = rebuild(dict(reversed(library.source_of(german).items())))
    assert again == german
    assert again.items[0].context == "Kontext"


def test_bytes_are_kept_as_they_are(tmp_path: Path) -> None:
    """A byte order mark and the line ends of another system count in the hash too."""
    (tmp_path / "pcs.yaml").write_bytes(b"\xef\xbb\xbf" + pcs().replace("\n", "\r\n").encode())
    library = Library.shipped(supplements=tmp_path)
    worded = library.get_with_wording("pcs")
    assert rebuild(library.source_of(worded)).supplement_hash == worded.supplement_hash


def test_a_later_rule_does_not_stop_what_is_archived(tmp_path: Path) -> None:
    """What was answered under a translation of before section titles were translated too, or with a table of then."""
    self_efficacy(tmp_path)
    spanish = written(tmp_path, "gad.yaml", gad7_in_spanish())
    library = Library.shipped(supplements=tmp_path)
    files = library.source_of(library.get_with_wording("gad-7", language="es"))
    earlier = spanish.read_text("utf-8").split("sections:")[0].replace("sintético 6", "sintético 2")
    again = rebuild(files | {"supplement/es/gad.yaml": earlier})
    assert again.items[5].text == "Texto sintético 2"
    assert again.sections == library.get("gad-7").sections
    files = library.source_of(library.get_with_wording(SELF_EFFICACY))
    [scale] = rebuild(files | {"supplement/en/se-4a.csv": synthetic_table(low="4.9")}).scales
    assert scale.low == Decimal("4.9")


def test_other_texts_than_it_was_made_from_are_never_given(tmp_path: Path) -> None:
    written(tmp_path, "pcs.yaml", pcs())
    earlier = Library.shipped(supplements=tmp_path).get_with_wording("pcs")
    written(tmp_path, "pcs.yaml", pcs().replace("wording 3", "wording three"))
    with pytest.raises(NotFound):
        Library.shipped(supplements=tmp_path).source_of(earlier)
    with pytest.raises(NotFound):
        Library([]).source_of(earlier)


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(DefinitionError, match="one file of an instrument is needed"):
        rebuild({})
    with pytest.raises(DefinitionError, match="instrument/a"):
        rebuild({"instrument/a.v1.yaml": "instrument: a\n"})
