"""A day list as other systems print it: record number, time, reason; read from CSV, line by line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from prom_server.core.delimited import letters, plain, rows
from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused

MOST_LINES = 500
MOST_BYTES = 200 * 1024  # below the limit of a request
LONGEST_RECORD_NUMBER = 40
LONGEST_REASON = 80

# Headings as systems write them, in lower case and with letters only. (A decision of this project.)
HEADINGS = {
    "record_number": {"recordnumber", "record", "mrn", "patientid", "patientnumber"},
    "time": {"time", "appointmenttime", "start", "starttime"},
    "reason": {"reason", "visit", "visittype", "appointmenttype", "type"},
}
TIME = re.compile(r"(\d{1,2})[:.](\d{2})(?::\d{2})?\s*([ap])?\.?(?:m\.?)?", re.ASCII | re.IGNORECASE)


class RowError(StrEnum):
    RECORD_NUMBER_NEEDED = "record_number_needed"
    UNKNOWN_RECORD_NUMBER = "unknown_record_number"
    NOT_A_TIME = "not_a_time"
    TWICE = "twice"  # the patient is on an earlier line
    TOO_LONG = "too_long"
    STOPPED = "stopped"  # withdrawn or deceased


class NoRecordNumbers(Refused):
    """No column with the record numbers."""


class NothingInIt(Refused):
    """A heading at most."""


class TooMuch(Refused):
    """More lines or bytes than a day has."""


class ListReplaced(Refused):
    """The upload was discarded, or is from another day."""


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One line of the file; 1 is the heading."""

    line: int
    record_number: str
    time: str | None  # "09:30"
    reason: str | None
    error: RowError | None


@dataclass(frozen=True, slots=True)
class DayListRow:
    line: int
    record_number: str
    time: str | None
    reason: str | None
    patient: PatientRef | None
    error: RowError | None


@dataclass(frozen=True, slots=True)
class DayListPreview:
    public_id: str
    on: date
    rows: tuple[DayListRow, ...]
    taken_off: int  # on the list of that day now, not arrived, and not in the file
    staying: int  # arrived already: they stay as they are

    @property
    def good(self) -> tuple[DayListRow, ...]:
        return tuple(row for row in self.rows if row.error is None)

    @property
    def wrong(self) -> tuple[DayListRow, ...]:
        return tuple(row for row in self.rows if row.error is not None)


def read(data: bytes) -> tuple[ReadLine, ...]:
    """The lines with something in them. Raises NotReadable, NoRecordNumbers, NothingInIt, TooMuch."""
    if len(data) > MOST_BYTES:
        raise TooMuch("bytes")
    lines = rows(data)
    _number, heading = next(lines, (1, []))
    places = _places(heading)
    if "record_number" not in places:
        raise NoRecordNumbers("no such column")
    found: list[ReadLine] = []
    for number, cells in lines:
        if any(plain(each) for each in cells):
            found.append(_line(number, {name: _cell(cells, place) for name, place in places.items()}))
        if len(found) > MOST_LINES:
            raise TooMuch("lines")
    if not found:
        raise NothingInIt("no lines")
    return tuple(_marking_repeats(found))


def _places(heading: Sequence[str]) -> dict[str, int]:
    """Where each column is; the first of two alike."""
    names = [letters(cell) for cell in heading]
    return {
        column: next(place for place, name in enumerate(names) if name in known)
        for column, known in HEADINGS.items()
        if known & set(names)
    }


def _cell(cells: Sequence[str], place: int) -> str:
    return plain(cells[place]) if place < len(cells) else ""


def _line(number: int, cells: dict[str, str]) -> ReadLine:
    record_number, typed, reason = cells["record_number"].upper(), cells.get("time", ""), cells.get("reason", "")
    time = time_of(typed)
    error = None
    if not record_number:
        error = RowError.RECORD_NUMBER_NEEDED
    elif len(record_number) > LONGEST_RECORD_NUMBER or len(reason) > LONGEST_REASON:
        error = RowError.TOO_LONG
    elif typed and time is None:
        error = RowError.NOT_A_TIME
    return ReadLine(number, record_number[:LONGEST_RECORD_NUMBER], time, reason[:LONGEST_REASON] or None, error)


def time_of(typed: str) -> str | None:
    """ "9:30", "09.30", "9:30 am", "1:15 PM" as "09:30" on the 24-hour clock; None for anything else."""
    found = TIME.fullmatch(typed)
    if found is None:
        return None
    hours, minutes, half = int(found[1]), int(found[2]), (found[3] or "").lower()
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half == "p" else 0)
    return f"{hours:02}:{minutes:02}" if hours < 24 and minutes < 60 else None


def _marking_repeats(lines: Sequence[ReadLine]) -> Iterator[ReadLine]:
    known: set[str] = set()
    for each in lines:
        again = each.error is None and each.record_number in known
        yield ReadLine(each.line, each.record_number, each.time, each.reason, RowError.TWICE) if again else each
        if each.error is None:
            known.add(each.record_number)
