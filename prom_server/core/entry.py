"""Answers that staff enter for a patient: from a paper form, or on the telephone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from prom_server.core.enrolment import PatientRef
from prom_server.core.instrument import Instrument, Item, Option
from prom_server.core.refusals import Refused
from prom_server.core.responses import Current, Responses, shown_items
from prom_server.core.visit_views import StepView, wording


class Mode(StrEnum):
    """How answers reach this server where the patient does not enter them."""

    PAPER = "paper"
    TELEPHONE = "telephone"


class Respondent(StrEnum):
    PATIENT = "patient"
    PROXY = "proxy"  # somebody answers for the patient


class BegunOtherwise(Refused):
    """Answers to this part were given in another way: one part, one way."""


class EnteredOtherwise(Refused):
    """Answers to this part are stored, and it was said otherwise of them who answered, who helped or on which day."""


class NotOnPaper(Refused):
    """An adaptive instrument chooses its next item by the answers so far: there is no paper form of it."""


class RelationNeeded(Refused):
    """Somebody answers for the patient, and it is not said who."""


class WrittenOnNeeded(Refused):
    """A paper form without the day on which it was filled in."""


class ImplausibleWrittenOn(Refused):
    """The day on the paper is in the future, or before the assessment opened."""


class EnteredMeanwhile(Refused):
    """The answers were changed on another page since this one was made. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who answered, and who helped."""

    respondent: Respondent
    relation: str | None  # of the proxy to the patient
    assisted_by: str | None


def checked(who: Who) -> Who:
    """Without a relation where nobody answered for the patient. Raises RelationNeeded."""
    if who.respondent is Respondent.PATIENT:
        return replace(who, relation=None)
    if not who.relation:
        raise RelationNeeded("relation")
    return who


@dataclass(frozen=True, slots=True)
class How:
    """In which way one part is answered, and by whom."""

    mode: Mode
    respondent: Respondent = Respondent.PATIENT
    relation: str | None = None  # of the proxy to the patient
    assisted_by: str | None = None
    written_on: date | None = None  # on the paper


def said(how: How) -> How:
    """Without what this way of answering has no place for."""
    return replace(
        how,
        relation=how.relation if how.respondent is Respondent.PROXY else None,
        written_on=how.written_on if how.mode is Mode.PAPER else None,
    )


def check(how: How, opens_on: date, today: date) -> None:
    """Raises RelationNeeded, WrittenOnNeeded, ImplausibleWrittenOn."""
    if how.respondent is Respondent.PROXY and not how.relation:
        raise RelationNeeded("relation")
    if how.mode is Mode.TELEPHONE:
        return
    if how.written_on is None:
        raise WrittenOnNeeded("written_on")
    if not opens_on <= how.written_on <= today:
        raise ImplausibleWrittenOn("written_on")


def answered_on_paper(written_on: date, time_zone: str, at: datetime) -> datetime:
    """The written day's noon at the clinic, as no hour is known; never after the entry itself."""
    noon = datetime.combine(written_on, time(12), ZoneInfo(time_zone)).astimezone(UTC)
    return min(noon, at)


def asked(instrument: Instrument, answers: Mapping[str, int | None]) -> frozenset[str]:
    """The items that these answers ask, by id."""
    given = {item: Current(value, 0) for item, value in answers.items()}
    return frozenset(item.id for item in shown_items(instrument, given))


@dataclass(frozen=True, slots=True)
class Difference:
    """One item that was typed in two ways. None: left blank."""

    number: int
    text: str
    options: tuple[Option, ...]
    first: int | None
    second: int | None

    def label(self, value: int | None) -> str | None:
        return next((each.label for each in self.options if each.value == value), None)


def differences(instrument: Instrument, stored: Responses, answers: Mapping[str, int | None]) -> tuple[Difference, ...]:
    """What the second pass over a paper form says otherwise than the first."""
    found = []
    for number, item in enumerate(instrument.items, 1):
        first = stored[item.id].value if item.id in stored else None
        second = answers.get(item.id)
        if first != second:
            found.append(Difference(number, wording(item), item.options, first, second))
    return tuple(found)


# ---- Views


@dataclass(frozen=True, slots=True)
class PartLine:
    """One part of the battery on the page where staff choose."""

    position: int
    name: str
    items: int
    adaptive: bool
    sent: bool
    declined: bool
    answered: int
    mode: str | None  # in which it was begun; None: not begun
    how: How | None  # where staff enter it
    elsewhere: bool = False  # the answers were given for another assessment


@dataclass(frozen=True, slots=True)
class EntryView:
    """The parts of one assessment that can still be entered."""

    patient: PatientRef
    assessment_id: str
    assessment: str
    course_id: str
    course_number: int
    opens_on: date
    open: bool
    parts: tuple[PartLine, ...]
    last: How | None  # how the last part was entered: the next one is likely the same


@dataclass(frozen=True, slots=True)
class Entering:
    """Which part is being entered, for whom and in which way."""

    administration_id: str  # public ids
    assessment_id: str
    patient: PatientRef
    instrument: Instrument
    part: int
    parts: int
    how: How
    sequence: int


@dataclass(frozen=True, slots=True)
class PaperView:
    entering: Entering
    items: tuple[Item, ...]
    begun: bool  # the first of two passes is stored
    before: tuple[int | None, ...] | None  # sent before and asked again: what was typed then, item by item


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One item of a telephone interview, with everything the interviewer says."""

    entering: Entering
    step: StepView
    ended: bool


@dataclass(frozen=True, slots=True)
class StayView:
    """What staff do now, after an answer that raised an alert."""

    entering: Entering
    phone: str | None
    address: str | None
    emergency_contact: str | None
    alert_id: str
    raised_at: datetime  # when a paper form was entered
    own_words: str | None  # that the clinic itself says in the patient's language
    language: str  # of the patient
    number: int  # of the item
    label: str | None
    sent: bool
    following: int | None  # the step to go on with on the telephone; None: the review
