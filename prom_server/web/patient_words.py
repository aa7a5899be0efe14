"""What patients read of the clinic's own, in each language. Its English hours are among the clinic's facts."""

from typing import Self

from prom_server.core.clinics import PatientWords
from prom_server.core.permissions import ClinicFacts
from prom_server.core.preferences import LANGUAGES
from prom_server.web.forms import Form, choice, text


class PatientWordsForm(Form):
    hours_es = text(120, needed=False)
    help_en = text(600, needed=False, area=True)
    help_es = text(600, needed=False, area=True)
    results = choice(("no", "yes"))

    @classmethod
    def of(cls, facts: ClinicFacts) -> Self:
        said = {language: facts.words_in(language) for language in LANGUAGES}
        values = {f"{name}_{language}": getattr(said[language], name) for name, language in cls._names()}
        return cls(formdata=None, prefix="words", results="yes" if facts.results_shown else "no", **values)

    def words(self) -> tuple[PatientWords, ...]:
        said: dict[str, dict[str, str | None]] = {language: {} for language in LANGUAGES}
        for name, language in self._names():
            said[language][name] = self[f"{name}_{language}"].data or None
        return tuple(PatientWords(language, **values) for language, values in said.items())

    @staticmethod
    def _names() -> list[tuple[str, str]]:
        names = [("help", language) for language in LANGUAGES]
        return names + [("hours", language) for language in LANGUAGES[1:]]
