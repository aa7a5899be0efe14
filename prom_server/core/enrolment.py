"""Patients as staff enter and find them."""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

from prom_server.core.preferences import CONTRASTS, LANGUAGES, TEXT_SIZES
from prom_server.core.refusals import Refused

OLDEST = 120  # years


class RecordNumberTaken(Refused):
    """Another patient of this clinic has the record number."""


class ImplausibleBirthDate(Refused):
    """In the future, or too long ago for anybody alive."""


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
