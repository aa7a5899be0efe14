"""Words of messages: nothing of health, only what can be filled in, and as long as the network counts it."""

import pytest

from prom_server.core.message_words import (
    KINDS,
    LONGEST_EMAIL,
    LONGEST_SMS,
    PLACEHOLDERS,
    Kind,
    LinkMissing,
    Segments,
    UnknownPlaceholder,
    Words,
    check,
    fill_in,
    of_health,
    segments,
)
from prom_server.definitions.library import Library
from prom_server.services.message_templates import shipped
from tests.tools import readability


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_shipped_words_keep_our_own_rules(kind: Kind) -> None:
    words = shipped(kind)
    check(words)
    assert of_health(words) == ()
    assert len(words.body) <= (LONGEST_SMS if kind.channel == "sms" else LONGEST_EMAIL)
    assert (words.subject is None) == (kind.channel == "sms")
    assert "!" not in f"{words.subject}{words.body}"


def test_the_shipped_english_is_for_the_sixth_grade() -> None:
    """As the patients' pages are: see test_readability."""
    said = [shipped(kind) for kind in KINDS if kind.language == "en" and kind.purpose != "alert"]
    text = " ".join(f"{words.subject or ''}. {words.body}" for words in said)
    for name in PLACEHOLDERS:
        text = text.replace("{" + name + "}", {"link": "."}.get(name, "Oak Clinic"))
    sentences = [readability._measured(each) for each in text.replace("\n", " ").split(".") if each.strip()]
    long_enough = [each for each in sentences if each.words >= readability.SHORTEST]
    assert len(long_enough) >= 4
    assert [each.text for each in long_enough if each.grade >= 7] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments(0, 1, unicode=False)),
        ("a" * 160, Segments(160, 1, unicode=False)),
        ("a" * 161, Segments(161, 2, unicode=False)),
        ("a" * 306, Segments(306, 2, unicode=False)),
        ("a" * 307, Segments(307, 3, unicode=False)),
        ("€" * 80, Segments(160, 1, unicode=False)),  # of the extension table: two places each
        ("ñ" * 160, Segments(160, 1, unicode=False)),
        ("á", Segments(1, 1, unicode=True)),
        ("á" * 70, Segments(70, 1, unicode=True)),
        ("á" * 71, Segments(71, 2, unicode=True)),
        ("😀" * 35, Segments(70, 1, unicode=True)),
    ],
)
def test_how_the_network_counts(text: str, expected: Segments) -> None:
    assert segments(text) == expected


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_shipped_sms_need_no_sixteen_bits(language: str) -> None:
    for purpose in ("reminder", "link"):
        assert not segments(shipped(Kind(purpose, "sms", language)).body).unicode


@pytest.mark.parametrize(
    ("subject", "body", "error"),
    [
        ("Ready", "{link} {name}", UnknownPlaceholder),
        ("Ready", "{link} {", UnknownPlaceholder),
        ("Ready", "{link} {{clinic}}", UnknownPlaceholder),
        ("Open {link}", "{link}", UnknownPlaceholder),
        ("Ready", "Come to us", LinkMissing),
        ("{link.__class__}", "{link}", UnknownPlaceholder),
    ],
)
def test_what_cannot_be_filled_in_is_refused(subject: str, body: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        check(Words(subject, body))


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert fill_in("{clinic}: {link}", {"clinic": "{link}", "link": "x"}) == "{link}: x"


def test_words_that_tell_too_much() -> None:
    words = Words("Your Pain visit", "{clinic} {link} Fill in the PHQ-9 about your pain and su depresión")
    assert of_health(words) == ("Pain", "PHQ", "pain", "depresión")


def test_every_title_of_ours_would_be_noticed() -> None:
    for each in Library.shipped().instruments():
        assert of_health(Words(None, each.name)), each.name
