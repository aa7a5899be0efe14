"""YAML text to plain values that remember their lines.

Only the plain part of YAML: one document of mappings, lists and scalars. Read from the parser's events, so nothing is
ever constructed or executed, and whatever could surprise (tags, anchors, duplicate keys, `No` read as false) is refused
with its line. A number with a point becomes a `Decimal`: 64.1 stays 64.1.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import yaml

from prom_server.core.refusals import DefinitionError

MAX_BYTES = 250_000  # the longest that is shipped has 30,000
MAX_VALUES = 5_000  # of a mapping or a list; the longest that is shipped has 2,000
MAX_TOLD = 100  # errors of one file
MAX_DEPTH = 20

Step = str | int
Place = tuple[Step, ...]  # ("scales", 0, "bands"): keys and positions from the top

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # both give the same events and marks; C is 10 times faster
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BOOLEANS = {"true": True, "false": False}
_READ_AS_BOOLEAN = {"yes", "no", "on", "off", "y", "n", "true", "false"}
_NULLS = {"", "null", "~"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong, and where."""

    place: Place
    message: str


@dataclass(frozen=True)
class Document:
    """One file: its values, the line of each, and the hash of its bytes as they are."""

    path: Path
    data: dict[str, object]
    lines: dict[Place, int]
    text: str  # the whole file; its UTF-8 is the file's bytes
    content_hash: str

    def error(self, findings: Iterable[Finding]) -> DefinitionError:
        """All of them, in the order of the file."""
        found = sorted(findings, key=lambda found: self._line(found.place))
        more = [f"{self.path}:1: and {len(found) - MAX_TOLD} more"] if len(found) > MAX_TOLD else []
        return DefinitionError("\n".join([f"{self.at(each.place)}: {_told(each)}" for each in found[:MAX_TOLD]] + more))

    def at(self, place: Place) -> str:
        """`file:line` of a place, or of the nearest thing around it that was written."""
        return f"{self.path}:{self._line(place)}"

    def _line(self, place: Place) -> int:
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]


def read(path: Path) -> Document:
    """Read and parse one file. Raises `DefinitionError` with file and line."""
    return parse(read_bytes(path), path)


def value_of(key: str, path: Path) -> str | None:
    """What stands beside one key at the top of a file. None where nothing does, or what is before it cannot be read.

    What comes after it is not looked at: it may be wrong.
    """
    depth, name = 0, None
    try:
        for event in yaml.parse(decoded(read_bytes(path), path).removeprefix("\ufeff"), Loader=_LOADER):
            if isinstance(event, yaml.CollectionStartEvent | yaml.CollectionEndEvent):
                depth += 1 if isinstance(event, yaml.CollectionStartEvent) else -1
                name = None
            elif isinstance(event, yaml.ScalarEvent) and depth == 1:
                if name == key:
                    return str(event.value)
                name = event.value if name is None else None
    except (DefinitionError, yaml.YAMLError):
        return None
    return None


def read_bytes(path: Path) -> bytes:
    """At most one byte more than a file may have. Raises `DefinitionError`."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DefinitionError(f"{path}:1: cannot be read ({error.strerror})") from error


def parse(content: bytes, path: Path) -> Document:
    text = decoded(content, path)
    reader = _Reader(path, text.removeprefix("\ufeff"))
    try:
        data = reader.document()
    except yaml.YAMLError as error:
        raise DefinitionError(_told_by_yaml(path, error)) from error
    return Document(path, data, reader.lines, text, sha256(content).hexdigest())


def decoded(content: bytes, path: Path) -> str:
    if len(content) > MAX_BYTES:
        raise DefinitionError(f"{path}:1: is larger than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DefinitionError(f"{path}:{line}: is not UTF-8") from error


def _told(found: Finding) -> str:
    where = ".".join(_short(str(step)) for step in found.place)
    return f"{where}: {found.message}" if where else found.message


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"


def _told_by_yaml(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    return f"{path}:{mark.line + 1 if mark else 1}: is not YAML: {problem}"


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Reader:
    """Walks the events of one file once."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines: dict[Place, int] = {}
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)

    def document(self) -> dict[str, object]:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise DefinitionError(f"{self.path}:1: is empty")
        first = next(self._events)
        if not isinstance(first, yaml.MappingStartEvent):
            raise self._refuse(first, "a definition is a mapping of keys to values")
        data = self._mapping(first, ())
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refuse(after, "only one document to a file")
        return data

    def _value(self, event: yaml.Event, place: Place) -> object:
        self._check(event, place)
        self.lines[place] = _line(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        return self._scalar(event)

    def _mapping(self, event: yaml.Event, place: Place) -> dict[str, object]:
        self._check(event, place)
        self.lines.setdefault(place, _line(event))
        result: dict[str, object] = {}
        while not isinstance(key_event := next(self._events), yaml.MappingEndEvent):
            key = self._key(key_event, place)
            if key in result:
                raise self._refuse(key_event, f"{_short(key)!r} is written twice")
            result[key] = self._value(next(self._events), (*place, key))
            self.lines[*place, key] = _line(key_event)
        return result

    def _sequence(self, place: Place) -> list[object]:
        result: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            result.append(self._value(event, (*place, len(result))))
        return result

    def _key(self, event: yaml.Event, place: Place) -> str:
        self._check(event, place)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse(event, "a key is a plain word")
        value = self._scalar(event)
        if isinstance(value, bool | None | Decimal):
            raise self._refuse(event, f"{_short(event.value)!r} cannot be a key; put it in quotes if it is meant")
        return str(value)

    def _scalar(self, event: yaml.Event) -> object:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse(event, "a value is expected here")
        text: str = event.value
        if event.style:  # in quotes or a block: text, whatever it looks like
            return text
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if text.lower() in _READ_AS_BOOLEAN:
            raise self._refuse(event, f'YAML may read {text} as true or false: write "{text}" if it is a label')
        return self._number(event, text)

    def _number(self, event: yaml.Event, text: str) -> object:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return Decimal(text)
        if _SHA256.fullmatch(text):
            return text
        # 010, 1e3, .5, 0x1F, .inf, 1_000: YAML readers disagree about these
        if re.fullmatch(r"[-+]?\.?[0-9][0-9a-fA-FxXoO_.+:]*|[-+]?\.(inf|nan)", text, re.IGNORECASE):
            raise self._refuse(
                event, f"{_short(text)} is not a plain number: write it out, or put it in quotes if it is text"
            )
        return text

    def _check(self, event: yaml.Event, place: Place) -> None:
        if len(place) > MAX_DEPTH:
            raise self._refuse(event, f"is nested more than {MAX_DEPTH} deep")
        if len(self.lines) > MAX_VALUES:
            raise self._refuse(event, f"has more than {MAX_VALUES} values")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._refuse(event, "anchors and aliases (& and *) are not allowed")
        if getattr(event, "tag", None) is not None:
            raise self._refuse(event, "tags (!) are not allowed")

    def _refuse(self, event: yaml.Event, message: str) -> DefinitionError:
        return DefinitionError(f"{self.path}:{_line(event)}: {message}")
