"""Rows of a file with comma-separated values: written safe to open in a spreadsheet, read as other systems write them.

A cell that begins with = + - @, a tab or a line break would be read as a formula; an apostrophe before it makes it
text (OWASP, "CSV Injection").
"""

import csv
import io
from collections.abc import Iterable, Iterator

from prom_server.core.refusals import Refused

BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: object) -> str:
    """As text; nothing for None. A number stays a number: of ours none is a formula."""
    if cell is None:
        return ""
    text = str(cell)
    return f"'{text}" if isinstance(cell, str) and text.startswith(BEGINS_A_FORMULA) else text


def line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([safe(each) for each in cells])
    return out.getvalue()


# ---- Read

SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip archive (xlsx, ods); an OLE document (xls)


class NotReadable(Refused):
    """Not text in UTF-8, or not CSV."""


class SpreadsheetFile(NotReadable):
    """The document of a spreadsheet program, not the CSV that it can save."""


class QuotesWrong(NotReadable):
    """A quotation mark that does not end, or stands inside a cell; in the row that begins on this line."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line it begins on; commas, semicolons or tabs between the cells, a BOM or none.

    Raises NotReadable, SpreadsheetFile, QuotesWrong.
    """
    if data.startswith(SPREADSHEETS):
        raise SpreadsheetFile("not CSV")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotReadable("not UTF-8") from error
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise QuotesWrong(begins) from error


def plain(cell: str) -> str:
    """On one line, without what cannot be seen."""
    return " ".join("".join(each if each.isprintable() else " " for each in cell).split())


def letters(heading: str) -> str:
    """As headings are compared: "Record number", "record_number" and "RecordNumber" are one."""
    return "".join(each for each in heading.lower() if each.isalpha())
