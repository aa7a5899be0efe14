"""Patients as staff enter and find them."""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from enum import StrEnum

from prom_server.core.preferences import CONTRASTS, LANGUAGES, TEXT_SIZES
from prom_server.core.refusals import NotFound, Refused

OLDEST = 120  # years
# Of two names that differ by a letter or two, as SequenceMatcher measures it. Born on the same day besides, they are
# shown to a person, who decides: it only has to be low enough to find a slip, and high enough to spare the rest.
ALIKE = 0.8


class RecordNumberTaken(Refused):
    """Another patient of this clinic has the record number."""


class ImplausibleBirthDate(Refused):
    """In the future, or too long ago for anybody alive."""


class PatientStopped(Refused):
    """Withdrawn or deceased: nothing more is asked of them."""


class MergedInto(NotFound):
    """This record was merged into another one, whose public id it carries."""

    def __init__(self, kept: str) -> None:
        super().__init__("merged")
        self.kept = kept


class PatientFilter(StrEnum):
    """Which patients a list shows. Each is read from an index of its own."""

    ALL = "all"
    IN_COURSE = "in_course"  # infusions not finished, the latest planned start first
    UNDELIVERABLE = "undeliverable"  # an address refused for good, in the order in which they were added
    STOPPED = "stopped"  # withdrawn or deceased, by name


@dataclass(frozen=True, slots=True)
class PatientDetails:
    """What staff enter, and may correct."""

    record_number: str
    given_name: str
    family_name: str
    birth_date: date
    phone: str | None = None
    address: str | None = None
    emergency_contact: str | None = None
    language: str = LANGUAGES[0]
    text_size: str = TEXT_SIZES[0]
    contrast: str = CONTRASTS[0]


@dataclass(frozen=True, slots=True)
class PatientRef:
    """Enough to name a patient and to open the page."""

    public_id: str
    name: str
    record_number: str


@dataclass(frozen=True, slots=True)
class PatientLine:
    patient: PatientRef
    listed_as: str  # "Specimen, Rosa"
    birth_date: date
    age: int
    locked: bool
    withdrawn: bool = False
    deceased: bool = False


@dataclass(frozen=True, slots=True)
class PatientsPage:
    """One page of a list; `after` opens the next one."""

    rows: tuple[PatientLine, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class PatientFile:
    """The head of a patient's page."""

    patient: PatientRef
    details: PatientDetails
    age: int
    locked_at: datetime | None
    wrong_birth_dates: int
    reminders_off_at: datetime | None = None  # the patient wants none
    withdrawn_at: datetime | None = None
    withdrawn_reason: str | None = None
    deceased_on: date | None = None

    @property
    def stopped(self) -> bool:
        """Withdrawn or deceased: nothing is asked of them any more."""
        return self.withdrawn_at is not None or self.deceased_on is not None


def folded(text: str) -> str:
    """Lower case, without accents and doubled spaces: as names are compared and ordered."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(each for each in plain if not unicodedata.combining(each)).split())


def sort_name(family: str, given: str) -> str:
    return folded(f"{family}, {given}")[:165]


def age_on(birth_date: date, day: date) -> int:
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def plausible_birth_date(birth_date: date, today: date) -> bool:
    return birth_date <= today and age_on(birth_date, today) <= OLDEST


def names_alike(family: str, given: str, other_family: str, other_given: str) -> bool:
    """Whether two people born on the same day may be one: the same names, the two swapped, or a slip in typing.

    >>> names_alike("Müller", "Eva", "Eva", "Muller")
    True
    >>> names_alike("Specimen", "Rosa", "Madeup", "Theo")
    False
    """
    mine, other = folded(f"{family} {given}"), folded(f"{other_family} {other_given}")
    if sorted(mine.replace(",", " ").split()) == sorted(other.replace(",", " ").split()):
        return True
    return SequenceMatcher(None, mine, other, autojunk=False).ratio() >= ALIKE
