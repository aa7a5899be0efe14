"""The words of messages: what a clinic may put into them, how they are filled in, and how long an SMS becomes.

A message says who writes, where to go on and how to stop; nothing of health. How to stop is added to the clinic's words
and cannot be left out.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prom_server.core.preferences import LANGUAGES
from prom_server.core.refusals import Refused

LONGEST_SUBJECT, LONGEST_EMAIL, LONGEST_SMS = 120, 4000, 480
PURPOSES = ("reminder", "link", "alert")  # that have words; a test sends those of one of these
CHANNELS = ("email", "sms")
PLACEHOLDERS = ("clinic", "link", "phone", "hours")

# GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, 6.2.1). One of the latter takes two places.
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = set("\f^{}\\[~]|€")

# What the questionnaires and protocols of this installation are about, by their own titles, and the same in Spanish:
# such a word tells whoever sees the telephone why somebody is a patient here.
_OF_HEALTH = """
    anger anxiety catastrophizing chronic depression depressive diagnosis disorder distress emotional fatigue health
    infusion interference intensity ketamine mental opioid pain phq gad pcs peg promis psychiatric psychological
    questionnaire sleep suicide suicidal symptom symptoms therapy treatment
    ansiedad catastrofismo crónico crónica depresión depresivo diagnóstico dolor enojo fatiga infusión ketamina
    opioide psicológico psicológica psiquiátrico psiquiátrica salud síntoma síntomas sueño suicidio terapia trastorno
    tratamiento cuestionario
"""
OF_HEALTH = frozenset(_OF_HEALTH.split())
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_WORD = re.compile(r"[^\W\d_]+")


class UnknownPlaceholder(Refused):
    """A name in braces that nothing is filled in for, or a brace without its other half."""


class LinkMissing(Refused):
    """Without {link} the message leads nowhere."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Which words: of a purpose, for a channel, in a language."""

    purpose: str
    channel: str
    language: str

    def __str__(self) -> str:
        return f"{self.purpose}-{self.channel}-{self.language}"


@dataclass(frozen=True, slots=True)
class Words:
    """A template. `subject` is None for SMS."""

    subject: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Composed:
    """A message as it leaves, held in memory only while it is being sent: it carries the private link."""

    subject: str | None = field(repr=False)
    body: str = field(repr=False)
    sender_name: str | None = None
    reply_to: str | None = None
    unsubscribe_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NothingToSend:
    """What it was for is over, or it may not go any more; `reason` is a code."""

    reason: str


@dataclass(frozen=True, slots=True)
class Segments:
    """What an SMS costs: `characters` as they count, in so many parts."""

    characters: int
    parts: int
    unicode: bool  # some character is not in the telephones' own alphabet: a part holds 70 instead of 160


@dataclass(frozen=True, slots=True)
class WordsLine:
    """One kind of words in the list. `changed_at` None: as shipped."""

    kind: Kind
    own: bool
    changed_at: datetime | None = None
    changed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """What a clinic's words were from `changed_at` on. `words` None: as shipped."""

    words: Words | None
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class WordsPage:
    """The words in force, those shipped, and every version before."""

    kind: Kind
    words: Words
    shipped: Words
    versions: tuple[Version, ...]

    @property
    def own(self) -> bool:
        return bool(self.versions) and self.versions[0].words is not None


@dataclass(frozen=True, slots=True)
class Preview:
    """As somebody would receive it, with made-up values."""

    subject: str | None
    body: str
    segments: Segments | None  # of an SMS
    of_health: tuple[str, ...]  # words that tell more than they should


KINDS = tuple(
    Kind(purpose, channel, language)
    for purpose in PURPOSES
    for channel in CHANNELS
    for language in LANGUAGES
    if purpose != "alert" or language == LANGUAGES[0]  # staff read English
)


def kind_named(name: str) -> Kind | None:
    return next((each for each in KINDS if str(each) == name), None)


def check(words: Words) -> None:
    """Raises UnknownPlaceholder, LinkMissing. A subject takes no link: other programs show and keep it."""
    allowed = {"subject": set(PLACEHOLDERS) - {"link"}, "body": set(PLACEHOLDERS)}
    for text, known in ((words.subject or "", allowed["subject"]), (words.body, allowed["body"])):
        left = _PLACEHOLDER.sub(lambda found, known=known: "" if found[1] in known else found[0], text)  # type: ignore[misc]
        if "{" in left or "}" in left:
            raise UnknownPlaceholder(left[:40])
    if "{link}" not in words.body:
        raise LinkMissing("link")


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Once: what is filled in is not looked at again. A name without a value stays as it is written."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def segments(text: str) -> Segments:
    """How the network counts it: 160 places of 7 bits or 70 characters of 16, less in each of several parts."""
    if set(text) <= GSM | GSM_EXTENDED:
        places = sum(2 if each in GSM_EXTENDED else 1 for each in text)
        return Segments(places, _parts(places, 160, 153), unicode=False)
    places = len(text.encode("utf-16-be")) // 2
    return Segments(places, _parts(places, 70, 67), unicode=True)


def _parts(places: int, alone: int, of_several: int) -> int:
    return 1 if places <= alone else -(-places // of_several)


def of_health(words: Words, known: Collection[str] = OF_HEALTH) -> tuple[str, ...]:
    """The words that tell why somebody is a patient here, each once, as they are written."""
    found = _WORD.findall(f"{words.subject or ''} {words.body}")
    return tuple(dict.fromkeys(each for each in found if each.lower() in known))
