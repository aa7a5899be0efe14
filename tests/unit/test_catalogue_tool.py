"""The catalogue holds every word of the patient's pages, and its check names what is not translated."""

from pathlib import Path

import pytest

from tests.tools import catalogue

PO = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#: templates/patient/step.html
msgid "Next"
msgstr "Siguiente"

#: templates/patient/review.html
#, python-format
msgid "%(num)d answered"
msgid_plural "%(num)d answered"
msgstr[0] "%(num)d contestada"
msgstr[1] "%(num)d contestadas"

#: templates/clinic/today.html
msgid "Today"
msgstr ""
"""


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('"Siguiente"', '"Siguiente"', []),
        ('"Siguiente"', '""', ["Next: not translated"]),
        ('msgid "Next"', '#, fuzzy\nmsgid "Next"', ["Next: fuzzy"]),
        ('"%(num)d contestadas"', '""', ["('%(num)d answered', '%(num)d answered'): not translated"]),
        ('"%(num)d contestadas"', '"%(n)d contestadas"', ["('%(num)d answered', '%(num)d answered'): "]),
    ],
)
def test_the_check_names_what_is_missing(tmp_path: Path, before: str, after: str, found: list[str]) -> None:
    path = tmp_path / "es" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text(PO.replace(before, after), encoding="utf-8")
    told = catalogue.unfinished(path)
    assert len(told) == len(found)
    assert all(line.startswith(begin) for line, begin in zip(told, found, strict=True)), told


def test_macros_and_the_headings_of_questionnaires_are_collected() -> None:
    """Folders that begin with an underscore hold what patients read too."""
    words = {message.id for message in catalogue.extracted()}
    assert {"What is your date of birth?", "Read aloud", "Feelings", "Worry and calm", "Next"} <= words


def test_the_patient_s_pages_are_whole_in_spanish() -> None:
    path = catalogue.ROOT / "translations" / "es" / "LC_MESSAGES" / "messages.po"
    assert catalogue.unfinished(path) == []
