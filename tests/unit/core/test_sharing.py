"""Results in words: the heading of the questions, the published band, and the score beside it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from prom_server.core.scoring import Reason, Score, Status, declined, score
from prom_server.core.sharing import results_of, title
from prom_server.definitions.library import Library


def scores_of(instrument_id: str, value: int) -> tuple[Score, ...]:
    instrument = Library.shipped().get(instrument_id)
    return score(instrument, {item.id: value for item in instrument.scored_items})


def told(instrument_id: str, value: int) -> tuple[list[tuple[str, str | None, str | None]], tuple[str, ...]]:
    named, unnamed = results_of(Library.shipped().get(instrument_id), scores_of(instrument_id, value))
    return [(each.title, each.band, each.value) for each in named], unnamed


@pytest.mark.parametrize(
    ("instrument", "value", "named", "unnamed"),
    [
        ("phq-9", 1, [("Feelings", "mild", "9")], ()),
        ("gad-7", 0, [("Worry and calm", "minimal", "0")], ()),
        ("promis-depression-4a", 1, [("Mood", "within normal limits", "41.0")], ()),
        ("promis-satisfaction-participation-roles-4a", 3, [], ("Work and daily tasks",)),
        ("peg", 5, [], ("Pain",)),
    ],
)
def test_every_result_is_a_word_with_its_score(
    instrument: str, value: int, named: list[tuple[str, str, str]], unnamed: tuple[str, ...]
) -> None:
    assert told(instrument, value) == (named, unnamed)


def test_a_score_without_published_words_is_never_a_bare_number() -> None:
    """PROMIS-29: seven domains have words. The two summary scores and the rating of pain have none, and no line."""
    named, unnamed = told("promis-29", 3)
    assert [heading for heading, _band, _value in named] == [
        "Moving around",
        "Worry",
        "Mood",
        "Tiredness",
        "Sleep",
        "Time with others",
        "Pain",
    ]
    assert all(band for _heading, band, _value in named)
    assert unnamed == ()


def test_two_scales_of_one_heading_have_their_own_names() -> None:
    instrument = Library.shipped().get("promis-global-health")
    names = [title(instrument, scale) for scale in instrument.scales if scale.bands]
    assert len(set(names)) == len(names) == 2


def test_what_was_declined_is_not_mentioned() -> None:
    assert results_of(Library.shipped().get("phq-9"), declined(scores_of("phq-9", 1))) == ((), ())


def test_a_table_that_is_not_there_is_not_called_too_few_answers() -> None:
    (found,) = (each for each in scores_of("phq-9", 1) if each.scale == "total")
    missing = replace(found, value=None, band=None, status=Status.NOT_SCORABLE, reason=Reason.TABLE_MISSING)
    assert results_of(Library.shipped().get("phq-9"), [missing]) == ((), ("Feelings",))


def test_the_ends_of_the_scale_are_told() -> None:
    (result,), _unnamed = results_of(Library.shipped().get("phq-9"), scores_of("phq-9", 1))
    assert (result.low, result.high) == (Decimal(0), Decimal(27))
