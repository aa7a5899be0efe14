"""How hard our English words for patients are to read: the Flesch-Kincaid grade of every sentence.

Kincaid, Fishburne, Rogers and Chissom 1975: 0.39 × words per sentence + 11.8 × syllables per word − 15.59; a grade is a
year of school in the United States. Syllables are counted as groups of vowels, as the formula's usual programs do. A
questionnaire's own wording is its publisher's, and is not counted; nor is what only staff read.

`python -m tests.tools.readability` lists the hardest sentences.
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from tests.tools import catalogue

STAFF_ONLY = (
    "templates/kiosk/staff.html",
    "templates/kiosk/set_up.html",
    "templates/kiosk/no_tablet.html",
    "templates/_macros/refusal.html",  # most of its events are refusals of what staff do
    "templates/error/no_report.html",
    "templates/error/not_allowed.html",
    "instruments/",
)
SHORTEST = 6  # words: of less the formula says nothing
EXAMPLES = {"step": "3", "steps": "9", "num": "2", "day": "Monday", "hours": "weekdays 8 to 5", "language": "Spanish"}
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Sentence:
    text: str
    words: int
    syllables: int

    @property
    def grade(self) -> float:
        return _grade(self.words, 1, self.syllables)


def sentences() -> list[Sentence]:
    """Every sentence of the patients' pages that is long enough to be measured."""
    found = {each for words in _patients_words() for each in re.split(r"(?<=[.?!:])\s+", words)}
    measured = (_measured(each) for each in sorted(found))
    return [each for each in measured if each.words >= SHORTEST]


def grade(of: Iterable[Sentence]) -> float:
    """Of them all together."""
    each = list(of)
    return _grade(sum(one.words for one in each), len(each), sum(one.syllables for one in each))


def syllables(word: str) -> int:
    """Groups of vowels; a silent e at the end, and that of a past tense, is none."""
    bare = re.sub(r"(?<=[^laeiouy])es?$|(?<=[^td])ed$", "", word.lower().replace("'", ""))
    return max(1, len(re.findall(r"[aeiouy]+", bare)))


def _patients_words() -> Iterable[str]:
    for message in catalogue.extracted():
        places = [place for place, _line in message.locations if not place.startswith(STAFF_ONLY)]
        if message.id and any(place.startswith(catalogue.PATIENT_PAGES) for place in places):
            for words in message.id if isinstance(message.id, tuple) else (message.id,):
                yield re.sub(r"%\((\w+)\)[sd]", lambda found: EXAMPLES.get(found[1], "3"), words)


def _measured(sentence: str) -> Sentence:
    words = WORD.findall(sentence)
    return Sentence(sentence, len(words), sum(syllables(word) for word in words))


def _grade(words: int, number: int, counted: int) -> float:
    return 0.39 * words / number + 11.8 * counted / words - 15.59


def main() -> int:
    found = sentences()
    for each in sorted(found, key=lambda one: one.grade, reverse=True)[:40]:
        print(f"{each.grade:5.1f}  {each.text}")
    print(f"{grade(found):5.1f}  all {len(found)} sentences together")
    return 0


if __name__ == "__main__":
    sys.exit(main())
