"""A file of patients: its lines read and checked."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from prom_server.core import contacts
from prom_server.core.contacts import NotAMobile, NotAnEmail
from prom_server.core.delimited import BEGINS_A_FORMULA, letters, plain, rows
from prom_server.core.enrolment import PatientDetails, names_alike, plausible_birth_date
from prom_server.core.imports import ColumnsMissing, ColumnTwice, FileEmpty, FileTooLong, Problem
from prom_server.core.preferences import LANGUAGES

MOST_LINES = 2000
MOST_BYTES = 1024 * 1024
COMPARED = 20  # of those born on one day; a day that many share is a stand-in for an unknown one

# The columns of the template, each with what else systems call it: in lower case, letters only. (A decision of this
# project.)
COLUMNS: Mapping[str, frozenset[str]] = {
    "record_number": frozenset({"recordnumber", "mrn", "patientid", "patientnumber"}),
    "given_name": frozenset({"givenname", "firstname", "forename"}),
    "family_name": frozenset({"familyname", "lastname", "surname"}),
    "birth_date": frozenset({"birthdate", "dateofbirth", "dob"}),
    "phone": frozenset({"phone", "phonenumber", "telephone"}),
    "email": frozenset({"email", "emailaddress"}),
    "mobile": frozenset({"mobile", "mobilenumber", "cellphone"}),
    "email_consent": frozenset({"emailconsent"}),
    "sms_consent": frozenset({"smsconsent"}),
    "language": frozenset({"language", "preferredlanguage"}),
    "address": frozenset({"address"}),
    "emergency_contact": frozenset({"emergencycontact"}),
}
NEEDED = ("record_number", "given_name", "family_name", "birth_date")
LONGEST = {"record_number": 40, "given_name": 80, "family_name": 80, "phone": 40, "email": 254, "mobile": 40}
LONGEST |= {"address": 300, "emergency_contact": 300}
YES_OR_NO = {"": False, "no": False, "n": False, "false": False, "0": False}
YES_OR_NO |= {"yes": True, "y": True, "true": True, "1": True}
LANGUAGE_NAMES = {"": "en", "english": "en", "spanish": "es", "español": "es"} | {each: each for each in LANGUAGES}
ISO = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class FileRow:
    """One line with something in it, its cells by column as they were read."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PatientsFile:
    ignored: tuple[str, ...]  # headings that mean nothing here
    rows: tuple[FileRow, ...]


@dataclass(frozen=True, slots=True)
class NewPatient:
    """A line that can be used."""

    details: PatientDetails
    email: str | None
    mobile: str | None
    email_consent: bool
    sms_consent: bool


# ---- The file


def read(data: bytes) -> PatientsFile:
    """The lines with something in them.

    Raises NotReadable, SpreadsheetFile, QuotesWrong, ColumnsMissing, ColumnTwice, FileEmpty, FileTooLong.
    """
    if len(data) > MOST_BYTES:
        raise FileTooLong("bytes")
    lines = rows(data)
    _number, heading = next(lines, (1, []))
    if not any(plain(each) for each in heading):
        raise FileEmpty("no heading")
    places = _places(heading)
    found: list[FileRow] = []
    for number, cells in lines:
        if any(plain(each) for each in cells):
            found.append(FileRow(number, {name: _cell(cells, place) for name, place in places.items()}))
        if len(found) > MOST_LINES:
            raise FileTooLong("lines")
    if not found:
        raise FileEmpty("no lines")
    ignored = [plain(each) for place, each in enumerate(heading) if place not in places.values()]
    return PatientsFile(tuple(each for each in ignored if each), tuple(found))


def _places(heading: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, cell in enumerate(heading):
        column = next((name for name, known in COLUMNS.items() if letters(cell) in known), None)
        if column in places:
            raise ColumnTwice(column)
        if column is not None:
            places[column] = place
    if missing := tuple(name for name in NEEDED if name not in places):
        raise ColumnsMissing(missing)
    return places


def _cell(cells: Sequence[str], place: int) -> str:
    """An address on several lines becomes one; the apostrophe that keeps a cell from being a formula goes."""
    cell = cells[place] if place < len(cells) else ""
    text = ", ".join(line for line in map(plain, cell.splitlines()) if line)
    return text[1:] if text.startswith("'") and text[1:].startswith(BEGINS_A_FORMULA) else text


# ---- Its lines


def month_first(dates: Iterable[str]) -> bool:
    """Whether the dates with slashes of one file say by themselves that the month comes first.

    One of them must have a day above 12, and none a "month" above 12: else 03/12/1968 is two different days, and the
    date of birth is what opens a patient's link.
    """
    found = [match for each in dates if (match := SLASHED.fullmatch(each.strip())) is not None]
    return any(int(each[2]) > 12 for each in found) and all(int(each[1]) <= 12 for each in found)


def date_of(text: str, *, us: bool) -> date | None:
    """1968-03-12, or 3/12/1968 where `us` says that the file writes the month first."""
    slashed = SLASHED.fullmatch(text)
    try:
        if slashed is not None:
            return date(int(slashed[3]), int(slashed[1]), int(slashed[2])) if us else None
        return date.fromisoformat(text) if ISO.fullmatch(text) else None
    except ValueError:
        return None


def checked(cells: Mapping[str, str], today: date, *, us: bool) -> tuple[NewPatient | None, tuple[Problem, ...]]:
    """The patient that a line means; or all that is wrong with it."""
    problems = tuple(_problems(cells, today, us=us))
    return (None if problems else _patient(cells, us=us)), problems


def _problems(cells: Mapping[str, str], today: date, *, us: bool) -> Iterator[Problem]:
    for column in COLUMNS:
        text = cells.get(column, "")
        if not text and column in NEEDED:
            yield Problem(column, "needed")
        elif len(text) > LONGEST.get(column, len(text)):
            yield Problem(column, "too_long")
        elif (code := _wrong(column, text, cells, today, us=us)) is not None:
            yield Problem(column, code)


def _wrong(column: str, text: str, cells: Mapping[str, str], today: date, *, us: bool) -> str | None:
    if column == "birth_date":
        return _wrong_date(text, today, us=us)
    if column == "phone":
        return "not_a_phone" if text and not contacts.PHONE.fullmatch(text) else None
    if column in {"email", "mobile"}:
        return _wrong_address(contacts.Kind.EMAIL if column == "email" else contacts.Kind.SMS, text)
    if column in {"email_consent", "sms_consent"}:
        if text.lower() not in YES_OR_NO:
            return "not_yes_or_no"
        address = cells.get("email" if column == "email_consent" else "mobile", "")
        return "no_address" if YES_OR_NO[text.lower()] and not address else None
    return "unknown_language" if column == "language" and text.lower() not in LANGUAGE_NAMES else None


def _wrong_date(text: str, today: date, *, us: bool) -> str | None:
    day = date_of(text, us=us)
    if day is None:
        return "ambiguous_date" if SLASHED.fullmatch(text) and not us else "not_a_date"
    return None if plausible_birth_date(day, today) else "implausible_birth_date"


def _wrong_address(kind: contacts.Kind, text: str) -> str | None:
    try:
        if text:
            contacts.normal(kind, text)
    except NotAnEmail:
        return "not_an_email"
    except NotAMobile:
        return "not_a_mobile"
    return None


def _patient(cells: Mapping[str, str], *, us: bool) -> NewPatient:
    said = {name: cells.get(name, "") for name in COLUMNS}
    born = date_of(said["birth_date"], us=us)
    if born is None:
        raise ValueError("checked before")
    return NewPatient(
        PatientDetails(
            record_number=said["record_number"].upper(),
            given_name=said["given_name"],
            family_name=said["family_name"],
            birth_date=born,
            phone=said["phone"] or None,
            address=said["address"] or None,
            emergency_contact=said["emergency_contact"] or None,
            language=LANGUAGE_NAMES[said["language"].lower()],
        ),
        email=contacts.email(said["email"]) if said["email"] else None,
        mobile=contacts.mobile(said["mobile"]) if said["mobile"] else None,
        email_consent=YES_OR_NO[said["email_consent"].lower()],
        sms_consent=YES_OR_NO[said["sms_consent"].lower()],
    )


def repeated(numbers: Iterable[tuple[int, str]]) -> frozenset[int]:
    """The lines whose record number an earlier line has."""
    known: set[str] = set()
    again = set()
    for line, number in numbers:
        if number.upper() in known:
            again.add(line)
        known.add(number.upper())
    return frozenset(again)


def alike(lines: Iterable[tuple[int, PatientDetails]]) -> dict[int, int]:
    """By line the earlier one that may be the same person: born on the same day, with a like name."""
    born: dict[date, list[tuple[int, PatientDetails]]] = defaultdict(list)
    found = {}
    for line, each in lines:
        same = born[each.birth_date]
        name = (each.family_name, each.given_name)
        earlier = next((n for n, other in same if names_alike(*name, other.family_name, other.given_name)), None)
        if earlier is not None:
            found[line] = earlier
        elif len(same) < COMPARED:
            same.append((line, each))
    return found
