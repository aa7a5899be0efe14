"""A file of patients, read as people make them."""

from datetime import date

import pytest

from prom_server.core import import_file
from prom_server.core.delimited import NotReadable, QuotesWrong, SpreadsheetFile
from prom_server.core.import_file import MOST_BYTES, MOST_LINES, checked, date_of, month_first, read
from prom_server.core.imports import ColumnsMissing, ColumnTwice, FileEmpty, FileTooLong

TODAY = date(2026, 11, 23)
HEADING = "record_number,given_name,family_name,birth_date"
ROSA = {"record_number": "n-1", "given_name": "Rosa", "family_name": "Placeholder", "birth_date": "1960-01-02"}


def codes(us: bool = False, **cells: str) -> list[tuple[str, str]]:
    return [(each.column, each.code) for each in checked(ROSA | cells, TODAY, us=us)[1]]


def test_a_file_as_a_spreadsheet_saves_it() -> None:
    rosa = 'N-1; Rosa ;"Place""holder";1960-01-02;9;"1 Long Road\r\nTown"'
    lines = ("MRN;First name;Last Name;Date of birth;Fax;Address", "", rosa, ";;;;;", "N-2;Theo", "")
    data = "\ufeff" + "\r\n".join(lines)
    found = read(data.encode())
    assert found.ignored == ("Fax",)
    assert [(row.line, row.cells["given_name"], row.cells["family_name"]) for row in found.rows] == [
        (3, "Rosa", 'Place"holder'),
        (6, "Theo", ""),
    ]
    assert found.rows[0].cells["address"] == "1 Long Road, Town"


def test_what_our_own_files_guard_against_formulas_is_read_back() -> None:
    (row,) = read(f"{HEADING},mobile\nN-1,Rosa,'quoted',1960-01-02,'+12025550143".encode()).rows
    assert (row.cells["mobile"], row.cells["family_name"]) == ("+12025550143", "'quoted'")


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", FileEmpty),
        (HEADING.encode(), FileEmpty),
        (f"{HEADING}\n\n,,\n".encode(), FileEmpty),
        (b"PK\x03\x04rest", SpreadsheetFile),
        (b"\xd0\xcf\x11\xe0rest", SpreadsheetFile),
        (f"{HEADING}\nN-1,José".encode("latin-1"), NotReadable),
        (f"{HEADING}\nN-1".encode("utf-16"), NotReadable),
        (b"record_number,given_name\nN-1,Rosa", ColumnsMissing),
        (f"{HEADING},MRN\nN-1".encode(), ColumnTwice),
        (b"x" * (MOST_BYTES + 1), FileTooLong),
        (f"{HEADING}\n{'N,a,b,c' * 1}\n".encode() + b"N\n" * MOST_LINES, FileTooLong),
    ],
)
def test_a_file_that_cannot_be_used(data: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        read(data)


def test_what_is_missing_and_where_quotes_are_wrong_is_said() -> None:
    with pytest.raises(ColumnsMissing) as missing:
        read(b"record_number,given_name\nN-1,Rosa")
    assert missing.value.columns == ("family_name", "birth_date")
    with pytest.raises(QuotesWrong) as quotes:
        read(f'{HEADING}\nN-1,a,b,c\nN-2,"Rosa,b,c\nN-3,a,b,c'.encode())
    assert quotes.value.line == 3


def test_a_date_with_slashes_is_read_only_where_the_file_shows_its_order() -> None:
    assert not month_first(["03/12/1968", "1/2/1960"])
    assert month_first(["03/12/1968", "3/25/1960", "1960-01-02"])
    assert not month_first(["25/3/1960", "3/25/1960"])
    assert date_of("3/12/1968", us=True) == date(1968, 3, 12)
    assert date_of("3/12/1968", us=False) is None
    for text in ("13/1/1968", "19680312", "1968-W11-2", "2/30/1960", "12 Mar 1968", "٣/1/1968"):
        assert date_of(text, us=True) is None, text


def test_each_cell_says_what_is_wrong_with_it() -> None:
    assert codes() == []
    assert codes(record_number="", birth_date="") == [("record_number", "needed"), ("birth_date", "needed")]
    for column, text, code in [
        ("record_number", "x" * 41, "too_long"),
        ("birth_date", "3/12/1968", "ambiguous_date"),
        ("birth_date", "soon", "not_a_date"),
        ("birth_date", "2026-11-24", "implausible_birth_date"),
        ("phone", "none", "not_a_phone"),
        ("email", "rosa", "not_an_email"),
        ("mobile", "07700 900123", "not_a_mobile"),
        ("email_consent", "maybe", "not_yes_or_no"),
        ("sms_consent", "yes", "no_address"),
        ("language", "fr", "unknown_language"),
    ]:
        assert codes(**{column: text}) == [(column, code)], column
    assert codes(us=True, birth_date="13/1/1968") == [("birth_date", "not_a_date")]


def test_a_line_becomes_a_patient() -> None:
    cells = ROSA | {
        "email": "Rosa@Example.org",
        "email_consent": "YES",
        "language": "Español",
        "birth_date": "3/25/1960",
    }
    patient, problems = checked(cells, TODAY, us=True)
    assert problems == ()
    assert patient is not None
    assert (patient.details.record_number, patient.details.birth_date) == ("N-1", date(1960, 3, 25))
    assert (patient.email, patient.email_consent, patient.details.language) == ("rosa@example.org", True, "es")
    assert (patient.mobile, patient.sms_consent, patient.details.phone) == (None, False, None)


def test_a_record_number_that_an_earlier_line_has() -> None:
    assert import_file.repeated([(2, "n-1"), (3, "N-2"), (4, "N-1"), (5, "n-1")]) == {4, 5}
