"""Records of answers from JSON lines or CSV, one at a time: a bad one becomes an error and the rest goes on."""

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

MAX_LINE = 1_000_000  # bytes; a longer line is skipped to its end without being kept

_WHOLE = re.compile(r"-?[0-9]{1,9}")


class Record(NamedTuple):
    """One record of the input. With an `error` there are no answers."""

    line: int
    id: object = None
    answers: Mapping[str, int | None] = MappingProxyType({})
    error: str | None = None


Reader = Callable[[BinaryIO], Iterator[Record]]


class Damaged(Exception):
    """The input cannot be read from this line on; what came before it stands."""

    def __init__(self, line: int, error: Exception) -> None:
        super().__init__(f"the compressed file is damaged or cut off: {error}")
        self.line = line


class _Bad(ValueError):
    """A line that is no record. `id_` where one could be read."""

    def __init__(self, message: str, id_: object = None) -> None:
        super().__init__(message)
        self.id = id_


def json_records(source: BinaryIO) -> Iterator[Record]:
    """Lines of `{"id": ..., "answers": {...}}`. Blank lines are passed over, but counted."""
    for number, content in _lines(source):
        try:
            id_, answers = _from_json(_text(content))
        except _Bad as error:
            yield Record(number, error.id, error=str(error))
        else:
            yield Record(number, id_, answers)


def csv_records(source: BinaryIO, *, empty_is_absent: bool = False) -> Iterator[Record]:
    """A heading with `id` and item columns, then one record to a line; an empty cell is not answered, or not asked."""
    heading: list[str] | None = None
    for number, content in _lines(source):
        try:
            cells = _cells(_text(content))
            if heading is None:
                heading = _heading(cells)
                continue
            id_, answers = _from_cells(heading, cells)
            if empty_is_absent:
                answers = {item: value for item, value in answers.items() if value is not None}
        except _Bad as error:
            yield Record(number, error.id, error=str(error))
            if heading is None:
                return
        else:
            yield Record(number, id_, answers)
    if heading is None:
        yield Record(1, error="there is no heading with id and the items")


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines that are not blank; None for one that is too long. Raises `Damaged`."""
    number = 0
    try:
        while content := source.readline(MAX_LINE + 1):
            number += 1
            if len(content) > MAX_LINE:
                _skip(source, content)
                yield number, None
                continue
            if number == 1:
                content = content.removeprefix(b"\xef\xbb\xbf")
            if content.strip():
                yield number, content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Damaged(number + 1, error) from error


def _skip(source: BinaryIO, content: bytes) -> None:
    while content and not content.endswith(b"\n"):
        content = source.readline(MAX_LINE)


def _text(content: bytes | None) -> str:
    if content is None:
        raise _Bad(f"is longer than {MAX_LINE} bytes")
    try:
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _Bad("is not UTF-8") from error


def _from_json(text: str) -> tuple[object, Mapping[str, int | None]]:
    record = _parsed(text)
    if not isinstance(record, dict):
        raise _Bad('is not an object {"id": ..., "answers": {...}}')
    id_ = record.get("id")
    if type(id_) not in {str, int}:
        raise _Bad("id is missing, or neither text nor a whole number")
    if unknown := set(record) - {"id", "answers"}:
        raise _Bad(f"there is no key {min(unknown)[:40]}", id_)
    if not isinstance(record.get("answers"), dict):
        raise _Bad("answers is missing, or not an object", id_)
    return id_, record["answers"]


def _parsed(text: str) -> object:
    try:
        record = _DECODER.decode(text)
        return record if text.count(":") == _pairs(record) else _CAREFUL.decode(text)
    except _Bad:
        raise
    except RecursionError as error:
        raise _Bad("is nested too deep") from error
    except ValueError as error:  # not JSON, or a number of thousands of digits
        raise _Bad(f"is not JSON: {error}") from error


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Bad(f"{twice[:40]} is there twice")
    return result


def _no_constant(name: str) -> object:
    raise _Bad(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_CAREFUL = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_no_constant)


def _pairs(record: object) -> int:
    """How many pairs of key and value stand in a record and its answers.

    A text with as many colons has no key twice; one with more may, or has colons elsewhere: it is read with care.
    """
    if not isinstance(record, dict):
        return -1
    answers = record.get("answers")
    return len(record) + (len(answers) if isinstance(answers, dict) else 0)


def _cells(text: str) -> list[str]:
    """One line is one record: an open quote spoils its own line only."""
    try:
        return next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration) as error:
        raise _Bad(f"is not CSV: {error}") from error


def _heading(cells: list[str]) -> list[str]:
    if "id" not in cells:
        raise _Bad("the heading has no column id")
    if len(set(cells)) < len(cells):
        raise _Bad("the heading names a column twice")
    return cells


def _from_cells(heading: list[str], cells: list[str]) -> tuple[str, Mapping[str, int | None]]:
    row = dict(zip(heading, cells, strict=False))
    id_ = row.pop("id", None)
    if len(cells) != len(heading):
        raise _Bad(f"has {len(cells)} cells under {len(heading)} headings", id_)
    if not id_:
        raise _Bad("id is empty")
    return id_, {item: _value(item, cell, id_) for item, cell in row.items()}


def _value(item: str, cell: str, id_: str) -> int | None:
    if not cell:
        return None
    if not _WHOLE.fullmatch(cell):
        raise _Bad(f"{item[:40]}: {cell[:40]} is not a whole number", id_)
    return int(cell)
