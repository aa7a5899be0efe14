"""Scored records as JSON lines or CSV."""

import csv
import io
import json
from functools import lru_cache
from typing import BinaryIO, NamedTuple, Protocol

from prom_server.core.alerts import RaisedAlert
from prom_server.core.instrument import Instrument
from prom_server.core.scoring import Score
from prom_server.core.screening import in_words

COLUMNS = (
    *("id", "instrument", "revision", "scale", "status", "reason"),
    *("raw", "value", "se", "answered", "items", "band"),
)


_encode = json.JSONEncoder().encode


class Scored(NamedTuple):
    """What one record's answers gave."""

    id: object
    scores: tuple[Score, ...]
    alerts: tuple[RaisedAlert, ...]
    screening: dict[str, bool | None]


class Unscorable(NamedTuple):
    """A record that is none, or whose answers are none, and why."""

    line: int
    id: object
    error: str


class Writer(Protocol):
    def scored(self, result: Scored) -> None: ...

    def failed(self, result: Unscorable) -> None: ...

    def flush(self) -> None: ...


class JsonLines:
    """One line for each record. A part that many records share is put into words once."""

    def __init__(self, out: BinaryIO, instrument: Instrument) -> None:
        self._out = out
        self._instrument = _members({"instrument": instrument.id, "revision": instrument.revision})

    def scored(self, result: Scored) -> None:
        scores = ", ".join(map(_score, result.scores))
        rest = _rest(result.alerts, tuple(result.screening.items()))
        line = f'{{"id": {_encode(result.id)}, {self._instrument}, "scores": [{scores}], {rest}}}\n'
        self._out.write(line.encode())

    def failed(self, result: Unscorable) -> None:
        self._out.write(f"{_encode(result._asdict())}\n".encode())

    def flush(self) -> None:
        self._out.flush()


def _members(of: dict[str, object]) -> str:
    """The inside of a JSON object."""
    return _encode(of)[1:-1]


@lru_cache(maxsize=10_000)
def _score(of: Score) -> str:
    return _encode(
        {
            "scale": of.scale,
            "status": of.status,
            "raw": of.raw,
            "value": _number(of),
            "metric": of.metric,
            "se": None if of.se is None else float(of.se),
            "answered": of.answered,
            "items": of.items,
            "band": of.band,
            "reason": of.reason,
        }
    )


@lru_cache(maxsize=10_000)
def _rest(alerts: tuple[RaisedAlert, ...], screening: tuple[tuple[str, bool | None], ...]) -> str:
    raised = [{"rule": alert.rule, "level": alert.level} for alert in alerts]
    return _members({"alerts": raised, "screening": in_words(dict(screening))})


def _number(of: Score) -> int | float | None:
    """Tenths print exactly as floats do (64.1); sums and ratings are whole."""
    if of.value is None:
        return None
    return float(of.value) if of.metric.decimals else int(of.value)


class Csv:
    """One row for each record and scale. A record that cannot be scored is one row: status error, and the reason."""

    def __init__(self, out: BinaryIO, instrument: Instrument) -> None:
        self._text = io.TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="")
        self._rows = csv.writer(self._text)
        self._rows.writerow(COLUMNS)
        self._instrument = (instrument.id, instrument.revision)

    def scored(self, result: Scored) -> None:
        named = (guarded(result.id), *self._instrument)
        self._rows.writerows(
            (*named, of.scale, of.status, of.reason, of.raw, of.value, of.se, of.answered, of.items, of.band)
            for of in result.scores
        )

    def failed(self, result: Unscorable) -> None:
        reason = guarded(f"line {result.line}: {result.error}")
        cells = (guarded(result.id), *self._instrument, None, "error", reason)
        self._rows.writerow((*cells, *[None] * (len(COLUMNS) - len(cells))))

    def flush(self) -> None:
        self._text.flush()


def guarded(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value
