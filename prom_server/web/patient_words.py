"""What patients read of the clinic's own, in each language. Its English hours are among the clinic's facts."""

from collections.abc import Mapping
from typing import Any, Self

from prom_server.core.clinics import PatientWords
from prom_server.core.preferences import LANGUAGES
from prom_server.core.settings_change import SettingsChanged, fingerprint
from prom_server.web.clinic_settings_forms import Seen
from prom_server.web.forms import choice, text


class PatientWordsForm(Seen):
    hours_es = text(120, needed=False)
    help_en = text(600, needed=False, area=True)
    help_es = text(600, needed=False, area=True)
    results = choice(("no", "yes"))

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(formdata=None, prefix="words", data={**cls._fields_of(stored), "seen": fingerprint(stored)})

    @classmethod
    def _fields_of(cls, stored: Mapping[str, Any]) -> dict[str, str]:
        said = stored["patient_words"] or {}
        words = {f"{name}_{language}": said.get(language, {}).get(name) or "" for name, language in cls._names()}
        return {**words, "results": "yes" if stored["results_shown"] else "no"}

    def words(self) -> tuple[PatientWords, ...]:
        said: dict[str, dict[str, str | None]] = {language: {} for language in LANGUAGES}
        for name, language in self._names():
            said[language][name] = self[f"{name}_{language}"].data or None
        return tuple(PatientWords(language, **values) for language, values in said.items())

    def show_both(self, error: SettingsChanged) -> None:
        theirs = self._fields_of(error.stored)
        self.theirs = {name: value for name, value in theirs.items() if (self[name].data or "") != value}
        self.seen.data = fingerprint(error.stored)
        self.refuse(error)

    @staticmethod
    def _names() -> list[tuple[str, str]]:
        names = [("help", language) for language in LANGUAGES]
        return names + [("hours", language) for language in LANGUAGES[1:]]
