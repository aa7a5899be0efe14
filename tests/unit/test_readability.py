"""Our words for patients are at the level of the sixth grade, and the measure is the published one."""

import pytest

from tests.tools import readability


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("a", 1),
        ("clinic", 2),
        ("questionnaire", 3),
        ("asked", 1),
        ("needed", 2),
        ("date", 1),
        ("table", 2),
        ("saved", 1),
    ],
)
def test_syllables(word: str, number: int) -> None:
    assert readability.syllables(word) == number


def test_the_formula() -> None:
    """0.39 × 13 + 11.8 × 24 / 13 − 15.59, worked out by hand."""
    (sentence,) = [
        readability._measured("The Australian platypus is seemingly a hybrid of a mammal and reptilian creature.")
    ]
    assert (sentence.words, sentence.syllables) == (13, 24)
    assert sentence.grade == pytest.approx(11.27, abs=0.02)


def test_every_sentence_is_for_the_sixth_grade() -> None:
    found = readability.sentences()
    assert len(found) > 80
    assert [f"{each.grade:.1f} {each.text}" for each in found if each.grade >= 7] == []
    assert readability.grade(found) < 5
