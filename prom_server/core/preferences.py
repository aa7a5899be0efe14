"""How a patient reads best: language, size of the text, colours. Chosen by the patient; staff may preset it."""

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES = ("en", "es")  # of our own words; an instrument has those of its official translations
TEXT_SIZES = ("normal", "large", "largest")
CONTRASTS = ("auto", "light", "dark", "contrast")  # auto: as the device says

CHOICES: Mapping[str, tuple[str, ...]] = {"language": LANGUAGES, "text_size": TEXT_SIZES, "contrast": CONTRASTS}


@dataclass(frozen=True, slots=True)
class Preferences:
    language: str = LANGUAGES[0]
    text_size: str = TEXT_SIZES[0]
    contrast: str = CONTRASTS[0]


def choices_in(values: Mapping[str, str]) -> dict[str, str]:
    """What is really a choice among these values: whatever else a form or a cookie holds changes nothing."""
    return {name: values[name] for name, known in CHOICES.items() if values.get(name) in known}
