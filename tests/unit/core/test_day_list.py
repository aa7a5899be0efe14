"""A day list from another system: tolerant of how it is written, strict about what it says."""

import pytest

from prom_server.core.day_list import (
    MOST_BYTES,
    MOST_LINES,
    NoRecordNumbers,
    NothingInIt,
    RowError,
    TooMuch,
    read,
    time_of,
)
from prom_server.core.delimited import NotReadable


def lines(text: str) -> list[tuple[object, ...]]:
    return [(each.line, each.record_number, each.time, each.reason, each.error) for each in read(text.encode())]


@pytest.mark.parametrize(
    "text",
    [
        "record_number,time,reason\nd-1,9:30,Visit",
        "\ufeffRecord Number;Appointment Time;Visit type\r\n d-1 ; 09.30 ;Visit\r\n\r\n",
        'time\tmrn\treason\n9:30 am\td-1\t"Visit"\n',
        "Reason,MRN,Start time,Doctor\nVisit,d-1,09:30:00,Bob",
    ],
)
def test_headings_separators_and_marks_of_other_systems(text: str) -> None:
    found = lines(text)
    assert [each[1:] for each in found] == [("D-1", "09:30", "Visit", None)]
    assert found[0][0] == 2


def test_time_and_reason_may_be_missing() -> None:
    assert lines("record_number\nA\n") == [(2, "A", None, None, None)]
    assert lines("record_number,time,reason\nA,,\nB\n") == [(2, "A", None, None, None), (3, "B", None, None, None)]


def test_each_error_names_its_own_line() -> None:
    text = 'record_number,time,reason\nA,9:30,"two\nlines"\n,10:00,x\nB,25:00,\nA,11:00,\nC,,' + "y" * 81
    assert [(each[0], each[4]) for each in lines(text)] == [
        (2, None),
        (4, RowError.RECORD_NUMBER_NEEDED),
        (5, RowError.NOT_A_TIME),
        (6, RowError.TWICE),
        (7, RowError.TOO_LONG),
    ]


def test_a_wrong_line_does_not_make_the_right_one_a_repeat() -> None:
    found = lines("record_number,time\nA,soon\nA,9:00\n")
    assert [each[4] for each in found] == [RowError.NOT_A_TIME, None]


@pytest.mark.parametrize(
    ("typed", "time"),
    [
        ("9:05", "09:05"),
        ("12:00 AM", "00:00"),
        ("12:30pm", "12:30"),
        ("1:15 p.m.", "13:15"),
        ("23:59", "23:59"),
        ("24:00", None),
        ("13:00 pm", None),
        ("9:60", None),
        ("9", None),
        ("9:5", None),
        ("٩:٣٠", None),
    ],
)
def test_times(typed: str, time: str | None) -> None:
    assert time_of(typed) == time


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (b"", NoRecordNumbers),
        (b"name,time\nA,9:00", NoRecordNumbers),
        (b"record_number\n\n ,\n", NothingInIt),
        ("record_number\nJosé".encode("latin-1"), NotReadable),
        (b'record_number\n"A', NotReadable),
        (b"record_number\n\x00", NothingInIt),
        (b"PK\x03\x04\xff\xfe", NotReadable),
        (b"record_number\n" + b"A\n" * (MOST_LINES + 1), TooMuch),
        (b"x" * (MOST_BYTES + 1), TooMuch),
    ],
)
def test_what_is_no_day_list_is_refused(data: bytes, refused: type[Exception]) -> None:
    with pytest.raises(refused):
        read(data)
