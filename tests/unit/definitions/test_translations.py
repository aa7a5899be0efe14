"""A translation is whole, changes words only, and stands beside the publisher's language."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from prom_server.core.refusals import DefinitionError
from prom_server.core.scoring import score
from prom_server.definitions.library import Library
from tests.unit.definitions.clinic_supplements import SELF_EFFICACY, gad7_in_spanish, pcs, self_efficacy, written


def library_with(tmp_path: Path, **files: str) -> Library:
    for name, text in files.items():
        written(tmp_path, f"{name}.yaml", text)
    return Library.shipped(supplements=tmp_path)


def test_a_whole_translation(tmp_path: Path) -> None:
    library = library_with(tmp_path, es=gad7_in_spanish())
    english, spanish = library.get_with_wording("gad-7"), library.get_with_wording("gad-7", language="es")
    assert english is library.get_with_wording("gad-7", 1, "en") is library.get("gad-7")
    assert (english.language, spanish.language) == ("en", "es")
    first = spanish.items[0]
    assert (first.text, first.context) == ("Texto sintético 1", "Contexto sintético")
    assert [(option.value, option.label) for option in first.options] == [
        (0, "Cero"),
        (1, "Uno"),
        (2, "Dos"),
        (3, "Tres"),
    ]
    assert [option.loinc for option in first.options] == [option.loinc for option in english.items[0].options]
    assert [(section.id, section.title) for section in spanish.sections] == [("worry", "Título sintético")]
    untranslated = replace(spanish, items=english.items, sections=english.sections)
    assert replace(untranslated, language="en", supplement_hash="") == english
    answers = {item.id: 2 for item in english.items}
    assert score(spanish, answers) == score(english, answers)


def without(line: str) -> Callable[[str], str]:
    return lambda text: "".join(each for each in text.splitlines(keepends=True) if not each.startswith(line))


def swapped(before: str, after: str) -> Callable[[str], str]:
    return lambda text: text.replace(before, after, 1)


@pytest.mark.parametrize(
    ("slip", "line", "message"),
    [
        (without("  gad3"), 9, "items: gad3: not translated"),
        (swapped('"Over the', '"Under the'), 7, "contexts: Over the last 2 weeks"),
        (without("  frequency"), 17, "options: is empty"),
        (swapped("  frequency:", "  often:"), 17, "options.frequency: the labels of 0, 1, 2, 3 are not translated"),
        (swapped(', 3: "Tres"', ""), 18, "options.frequency: the labels of 3 are not translated"),
        (swapped('3: "Tres"', '3: "Tres", 4: "Cuatro"'), 18, "options.frequency.4: is no option's value"),
        (swapped('"Tres"', '"Dos"'), 18, "options.frequency: two options read the same: Dos"),
        (swapped('"Tres"', '"DOS"'), 18, "options.frequency: two options read the same: DOS"),
        (swapped("sintético 6", "Sintético 2."), 15, "items.gad6: asks the same as gad2"),
        (without("  worry"), 19, "sections: is empty"),
        (swapped("sections:\n  worry: Título sintético\n", ""), 1, "sections: worry: not translated"),
        (swapped("  worry", "  others"), 19, "sections: worry: not translated"),
        (swapped("  worry", "  others"), 20, "sections.others: is no section of gad-7"),
        (swapped("worry: Título sintético", 'worry: " "'), 20, "sections.worry: is empty"),
        (swapped('3: "Tres"', 'tres: "Tres"'), 18, "is no option's value"),
        (swapped("  frequency:", "  often: {0: a}\n  frequency:"), 18, "options.often: is no list of options of gad-7"),
        (swapped("  gad7:", "  gad8: x\n  gad7:"), 16, "items.gad8: is no item of gad-7"),
        (swapped("contexts:\n", "contexts:\n  Something else: x\n"), 8, "is no context of gad-7"),
        (swapped("contexts:\n", "context: x\ncontexts:\n"), 7, "context: the stem is there already"),
        (
            swapped("contexts:\n", "tables: {total: {file: a.csv, source: s}}\ncontexts:\n"),
            7,
            "count in every language",
        ),
        (swapped("revision: 1", "revision: 0"), 2, "revision: is below 1"),
    ],
)
def test_a_partial_one_is_refused_with_its_line(
    tmp_path: Path, slip: Callable[[str], str], line: int, message: str
) -> None:
    whole = gad7_in_spanish()
    broken = slip(whole)
    assert broken != whole
    library = library_with(tmp_path, es=broken)
    with pytest.raises(DefinitionError) as refusal:
        library.get_with_wording("gad-7", language="es")
    found = str(refusal.value).splitlines()
    assert any(each.startswith(f"{tmp_path / 'es.yaml'}:{line}: ") and message in each for each in found), found


def test_it_stands_on_the_clinics_own_wording_and_tables(tmp_path: Path) -> None:
    self_efficacy(tmp_path)
    head = "supplement: X\nrevision: 1\nlanguage: es-MX\nsource: s\ndate: 2026-11-24\nentered_by: Bob\n"
    words = "".join(f"  SEMSX0{n}: Texto {n}\n" for n in ("09", "10", "11", "14"))
    labels = ", ".join(f'{n}: "Opción {n}"' for n in range(1, 6))
    text = (
        f"{head}contexts: {{A synthetic stem: Contexto}}\nsections: {{self-efficacy-symptoms: Título}}\nitems:\n{words}"
    )
    text += f"options:\n  confidence: {{{labels}}}\n"
    library = library_with(tmp_path, es=text.replace("X", SELF_EFFICACY, 1))
    english, spanish = (library.get_with_wording(SELF_EFFICACY, 1, language) for language in ("en", "es-MX"))
    assert library.languages(SELF_EFFICACY) == ("en", "es-MX")
    assert spanish.items[0].context == "Contexto"
    assert spanish.scales == english.scales
    assert len({english.supplement_hash, spanish.supplement_hash, ""}) == 3


def test_where_only_a_translation_brings_the_wording(tmp_path: Path) -> None:
    labels = ", ".join(f'{n}: "Opción {n}"' for n in range(5))
    text = pcs(language="es", context="Contexto", sections="{thoughts: Título}") + f"options:\n  degree: {{{labels}}}\n"
    library = library_with(tmp_path, es=text)
    assert library.languages("pcs") == ("es",)
    spanish = library.get_with_wording("pcs", language="es")
    assert spanish.has_wording
    assert spanish.items[0].context == "Contexto"
    assert not library.get_with_wording("pcs").has_wording
    written(tmp_path, "en.yaml", pcs())
    assert Library.shipped(supplements=tmp_path).languages("pcs") == ("en", "es")
